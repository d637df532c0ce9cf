"""Sampling: a pure loop over a solver's timesteps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from humangen.diffusion.schedule import Solver
from humangen.types import InputError

Denoise = Callable[[Tensor, Tensor], Tensor]
Keep = Callable[[Tensor, Tensor | None], Tensor]  # (latents, timestep they are at; None: clean) -> latents


@dataclass(frozen=True)
class Sampler:
    """Which solver, how many steps it takes, and how many frames of a long clip are painted at once, `overlap` of
    them with the next. `start` is what sampling begins from: `noise`, or the `reference` noised to the first timestep,
    which keeps more of its colours where a schedule's last step is not pure noise."""

    solver: str = "ddim"
    num_steps: int = 20
    window: int = 8
    overlap: int = 2
    start: str = "noise"

    def __post_init__(self) -> None:
        if self.start not in ("noise", "reference"):
            raise InputError(f"sampling cannot start from {self.start!r}, but from noise or reference")
        if not 0 <= self.overlap < self.window:
            raise InputError(
                f"windows of {self.window} frames cannot overlap by {self.overlap}: give a smaller sampler.overlap, or "
                "a larger sampler.window"
            )


def finished(latents: Tensor) -> Tensor:
    """Sampled latents as they are; raises `InputError` where they are no numbers."""
    if not latents.isfinite().all():
        raise InputError(
            "what was sampled is not a number: the weights are broken, or compute beyond the range of float16, where "
            "bfloat16 and float32 do not"
        )
    return latents


def keep_nothing(latents: Tensor, timestep: Tensor | None) -> Tensor:
    return latents


@torch.no_grad()
def sample(denoise: Denoise, noise: Tensor, solver: Solver, keep: Keep = keep_nothing) -> Tensor:
    """Latents from `noise` (K, F, C, h, w) by calling `denoise(latents, timestep (K,))` at each timestep; `keep` puts
    back what is known before each of them, and after the last."""
    latents = noise
    for timestep in solver.timesteps:
        latents = keep(latents, timestep)
        prediction = denoise(latents, timestep.expand(len(latents)).to(latents.device))
        latents = solver.step(prediction.to(latents.dtype), timestep, latents, return_dict=False)[0]
    return finished(keep(latents, None))

"""Passes over targets that a CUDA device plays back: one launch of a recording (a CUDA graph) instead of thousands of
launches, which take longer than the work itself where pictures are few and small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from humangen.attention.cache import ReferenceCache
from humangen.models.denoiser import Denoiser
from humangen.types import Condition, Reference

Forward = Callable[[Tensor, Tensor, Condition, Reference | ReferenceCache | None], Tensor]


class Recordings:
    """A denoiser's `forward`, with the first pass of each shape recorded and the others played back.

    A recording reads inputs from memory of its own, into which each pass copies what it is given, and the cache of one
    reference from where that lies: with another reference those are forgotten. What depends on values beforehand, a
    reference that is not there for some rows, and a reference that is read anew in every step run as they are.
    """

    def __init__(self, forward: Forward) -> None:
        self.forward = forward
        self.cache: ReferenceCache | None = None
        self.made: dict[tuple, Callable[..., Tensor]] = {}

    def __call__(
        self,
        noisy: Tensor,
        timestep: Tensor,
        condition: Condition,
        reference: Reference | ReferenceCache | None,
    ) -> Tensor:
        if isinstance(reference, Reference) or condition.present is not None:
            return self.forward(noisy, timestep, condition, reference)
        if reference is not None and reference is not self.cache:
            self.cache = reference
            self.made = {key: recording for key, recording in self.made.items() if not key[0]}
        told = {name: value for name, value in vars(condition).items() if value is not None}
        given = (noisy, timestep, *told.values())
        key = (reference is not None, type(condition), *told, *(each.shape for each in given))
        if key not in self.made:
            self.made[key] = self._recorded(given, condition, list(told), reference)
        return self.made[key](*given).clone()  # the next pass writes over it

    def _recorded(
        self, given: tuple[Tensor, ...], condition: Condition, names: list[str], reference: ReferenceCache | None
    ) -> Callable[..., Tensor]:
        def run(noisy: Tensor, timestep: Tensor, *told: Tensor) -> Tensor:
            return self.forward(noisy, timestep, replace(condition, **dict(zip(names, told, strict=True))), reference)

        return torch.cuda.make_graphed_callables(  # type: ignore[return-value]
            run, tuple(each.clone() for each in given), num_warmup_iters=1
        )


def record_passes(denoiser: Denoiser) -> None:
    """Lets `denoiser`, which is on a CUDA device, play its passes back. For inference: weights must stay where they
    are."""
    denoiser.forward = Recordings(denoiser.forward)  # type: ignore[method-assign]

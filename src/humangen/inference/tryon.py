"""A person in another garment."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from humangen.diffusion.noise import frame_noise
from humangen.diffusion.sample import Sampler, sample
from humangen.models.tryon import TryOnPipeline
from humangen.types import Condition, Reference, TryOnBatch


@torch.inference_mode()
def try_on(
    pipeline: TryOnPipeline, batch: TryOnBatch, *, sampler: Sampler, guidance: float = 1.0, seed: int = 0
) -> Tensor:
    """The people of `batch` in its garments (K, 3, H, W) in [-1, 1], as the network paints them: also around the
    region, where they went through the codec. Each garment is read once. The noise of a sample depends on (`seed`, its
    key) alone, so neither who else is in the batch nor the order makes a difference."""
    garment = pipeline.encode_garment(batch.garment)
    condition = pipeline.dressing(batch, garment)
    return inpaint(pipeline, garment, condition, keys=batch.keys, sampler=sampler, guidance=guidance, seed=seed)


@torch.inference_mode()
def inpaint(
    pipeline: TryOnPipeline,
    garment: Reference | None,
    condition: Condition,
    *,
    keys: Sequence[str],
    sampler: Sampler,
    guidance: float = 1.0,
    seed: int = 0,
) -> Tensor:
    """Pictures (K, 3, H, W) in [-1, 1] of what `condition` asks for; None as the garment paints any."""
    assert condition.outside is not None
    noise = frame_noise(seed, keys, range(1), condition.outside.shape[2:]).to(condition.outside)
    prepared = None if garment is None else pipeline.denoiser.prepare(garment)
    condition = pipeline.denoiser.encode_pose(condition)

    def keep(latents: Tensor, timestep: Tensor | None) -> Tensor:
        at = None if timestep is None else timestep.expand(len(latents)).to(latents.device)
        return pipeline.around(latents, condition, noise, at)

    solver = pipeline.schedule.solver(sampler.solver, sampler.num_steps)
    latents = sample(pipeline.denoise(prepared, condition, guidance), noise, solver, keep)
    return pipeline.codec.decode(latents[:, 0])

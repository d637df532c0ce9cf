"""A person in another garment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from humangen.attention.cache import ReferenceCache
from humangen.diffusion.noise import frame_noise
from humangen.diffusion.sample import Sampler, sample
from humangen.models.tryon import TryOnPipeline
from humangen.types import Condition, Reference, TryOnBatch, joined


@dataclass(frozen=True)
class Reading:
    """What was read of B garments, enough to paint anybody in them: image-encoder `tokens` (B, N, D), and what the
    denoiser has `prepared`."""

    tokens: Tensor
    prepared: Reference | ReferenceCache

    @classmethod
    def joined(cls, readings: Sequence[Reading]) -> Reading:
        """Garments that were read apart, side by side."""
        if len(readings) == 1:
            return readings[0]
        caches = [each.prepared for each in readings if isinstance(each.prepared, ReferenceCache)]
        references = [each.prepared for each in readings if isinstance(each.prepared, Reference)]
        prepared = ReferenceCache.joined(caches) if caches else joined(references)
        return cls(torch.cat([each.tokens for each in readings]), prepared)


@torch.inference_mode()
def read(pipeline: TryOnPipeline, garment: Tensor) -> Reading:
    """`garment` (B, 3, H, W) in [-1, 1]."""
    reference = pipeline.encode_garment(garment)
    return Reading(reference.tokens, pipeline.denoiser.prepare(reference))


@torch.inference_mode()
def try_on(
    pipeline: TryOnPipeline, batch: TryOnBatch, *, sampler: Sampler, guidance: float = 1.0, seed: int = 0
) -> Tensor:
    """The people of `batch` in its garments (K, 3, H, W) in [-1, 1], as the network paints them: also around the
    region, where they went through the codec. Each garment is read once. The noise of a sample depends on (`seed`, its
    key) alone, so neither who else is in the batch nor the order makes a difference."""
    garment, condition = read(pipeline, batch.garment), pipeline.dressing(batch, None)
    return inpaint(pipeline, garment, condition, keys=batch.keys, sampler=sampler, guidance=guidance, seed=seed)


@torch.inference_mode()
def inpaint(
    pipeline: TryOnPipeline,
    garment: Reading | None,
    condition: Condition,
    *,
    keys: Sequence[str],
    sampler: Sampler,
    guidance: float = 1.0,
    seed: int = 0,
) -> Tensor:
    """Pictures (K, 3, H, W) in [-1, 1] of the people of `condition` in `garment`; None paints any."""
    if garment is not None:
        condition = pipeline.wearing(condition, garment.tokens)
    assert condition.outside is not None
    noise = frame_noise(seed, keys, range(1), condition.outside.shape[2:]).to(condition.outside)
    condition = pipeline.denoiser.encode_pose(condition)

    def keep(latents: Tensor, timestep: Tensor | None) -> Tensor:
        at = None if timestep is None else timestep.expand(len(latents)).to(latents.device)
        return pipeline.around(latents, condition, noise, at)

    solver = pipeline.schedule.solver(sampler.solver, sampler.num_steps)
    prepared = None if garment is None else garment.prepared
    latents = sample(pipeline.denoise(prepared, condition, guidance), noise, solver, keep)
    return pipeline.codec.decode(latents[:, 0])

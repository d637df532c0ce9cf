"""The person of a reference picture, in the poses of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from humangen.diffusion.noise import frame_noise
from humangen.diffusion.sample import Sampler, sample
from humangen.inference.windows import windowed, windows
from humangen.models.pipeline import Pipeline
from humangen.types import Condition, Reference


@torch.inference_mode()
def animate(
    pipeline: Pipeline,
    reference: Reference | None,
    condition: Condition,
    *,
    keys: Sequence[str],
    sampler: Sampler,
    guidance: float = 1.0,
    seed: int = 0,
    window: int = 8,
    overlap: int = 2,
) -> Tensor:
    """Clips (K, F, 3, H, W) in [-1, 1] for `condition`'s poses (K, F, 3, H, W); None as the reference paints
    somebody. The noise of a frame depends on (`seed`, its clip's key, its number) alone."""
    pose = condition.pose
    clips, num_frames = pose.shape[:2]
    prepared = None if reference is None else pipeline.denoiser.prepare(reference)
    pieces = [
        (
            part,
            pipeline.denoise(prepared, Condition(pose[:, part.start : part.stop], condition.tokens), guidance),
        )
        for part in windows(num_frames, window, overlap)
    ]
    codec = pipeline.codec
    size = [side // codec.downscale for side in pose.shape[-2:]]
    noise = frame_noise(seed, keys, range(num_frames), (codec.channels, *size)).to(pose)
    solver = pipeline.schedule.solver(sampler.solver, sampler.num_steps)
    latents = sample(windowed(pieces, num_frames), noise, solver)
    frames = [codec.decode(chunk) for chunk in latents.flatten(0, 1).split(16)]
    return torch.cat(frames).unflatten(0, (clips, num_frames))

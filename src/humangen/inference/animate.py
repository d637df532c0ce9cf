"""The person of a reference picture, in the poses of a clip of any length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from humangen.attention.spatial import share
from humangen.diffusion.noise import frame_noise
from humangen.diffusion.sample import Denoise, Sampler
from humangen.diffusion.schedule import Schedule
from humangen.inference.ranks import OneRank, Ranks
from humangen.inference.windows import sample_windows, windows
from humangen.models.codec import Codec, in_chunks
from humangen.models.pipeline import Pipeline
from humangen.types import Condition, InputError, Reference

Progress = Callable[[int], Callable[[], None]]

KEY = "clip"  # of a clip that is none of a set: its noise depends on the seed and the frame alone


@dataclass(frozen=True)
class Drive:
    """What clips are to show: `poses` draws a range of their frames, (K, f, 3, H, W) in [0, 1], when it is their turn;
    `tokens` (K, N, D) are those of the reference."""

    poses: Callable[[range], Tensor]
    num_frames: int
    tokens: Tensor


class Encoded:
    """The poses of windows that come one after the other. Each frame is encoded with the first window that shows it,
    and no more is held than the window before."""

    def __init__(self, encode: Callable[[range], Condition]) -> None:
        self._encode, self._before = encode, range(0)
        self._held: Condition | None = None

    def __call__(self, window: range) -> Condition:
        """What a window is to show, its poses (K, f, ...) as `encode` gives them."""
        condition = self._encode(range(max(self._before.stop, window.start), window.stop))
        if self._held is not None:
            known = self._held.pose[:, window.start - self._before.start :]
            condition = replace(condition, pose=torch.cat([known, condition.pose], dim=1))
        self._held, self._before = condition, window
        return condition


@torch.inference_mode()
def stream(
    pipeline: Pipeline,
    reference: Reference | None,
    drive: Drive,
    *,
    keys: Sequence[str],
    sampler: Sampler,
    guidance: float = 1.0,
    seed: int = 0,
    ranks: Ranks | None = None,
    preview: Codec | None = None,
    progress: Progress | None = None,
) -> Iterator[Tensor]:
    """Frames (K, f, 3, H, W) in [-1, 1], a few after the other; None as the reference paints somebody. A `preview`
    codec decodes in place of the pipeline's own. `progress` is told how many predictions there will be, and gives what
    to call after each.

    The reference is read once, the pose of a frame is encoded once, and no more windows are held than `sampler` takes
    steps, whatever the length. The noise of a frame depends on (`seed`, its clip's key, its number) alone.
    """
    ranks, codec, decoder = ranks or OneRank(), pipeline.codec, preview or pipeline.codec
    prepared = None if reference is None else pipeline.denoiser.prepare(reference)
    first = drive.poses(range(1))
    shape = codec.channels, *(side // codec.downscale for side in first.shape[-2:])

    encoded = Encoded(lambda frames: pipeline.denoiser.encode_pose(Condition(drive.poses(frames), drive.tokens)))

    def denoiser(window: range) -> Denoise:
        return pipeline.denoise(prepared, encoded(window), guidance)

    def noise(frames: range) -> Tensor:
        drawn = frame_noise(seed, keys, frames, shape).to(first)
        if reference is None or sampler.start == "noise":
            return drawn
        return noised_reference(pipeline.schedule, reference, drawn, solver().timesteps[0])

    parts = windows(drive.num_frames, sampler.window, sampler.overlap)
    solver = partial(pipeline.schedule.solver, sampler.solver, sampler.num_steps)
    on_prediction = progress(len(parts) * sampler.num_steps) if progress else lambda: None
    for latents in sample_windows(parts, denoiser, noise, solver, ranks, on_prediction):
        chunks = in_chunks(latents.flatten(0, 1))
        like = [first.new_empty(len(chunk), 3, *first.shape[-2:]) for chunk in chunks]
        decoded = ranks.map([partial(decoder.decode, chunk) for chunk in chunks], like)
        yield torch.cat(decoded).unflatten(0, latents.shape[:2])


def noised_reference(schedule: Schedule, reference: Reference, noise: Tensor, timestep: Tensor) -> Tensor:
    """The latents of the references, each frame with its own `noise` (K, f, C, h, w), at the first timestep."""
    timesteps = timestep.expand(len(noise)).to(noise.device)
    if not schedule.snr(timesteps).any():
        raise InputError(
            "sampler.start=reference has nothing to start from: this schedule begins with pure noise (zero SNR)"
        )
    clean = share(reference.latents, len(noise))[:, None].expand_as(noise)
    return schedule.add_noise(clean, noise, timesteps)


def animate(pipeline: Pipeline, reference: Reference | None, condition: Condition, **options: Any) -> Tensor:
    """Clips (K, F, 3, H, W) in [-1, 1] for `condition`'s poses (K, F, 3, H, W), whole; `options` as for `stream`."""
    pose = condition.pose
    drive = Drive(lambda frames: pose[:, frames.start : frames.stop], pose.shape[1], condition.tokens)
    return torch.cat([*stream(pipeline, reference, drive, **options)], dim=1)

"""Long clips as overlapping windows."""

from __future__ import annotations

import torch
from torch import Tensor

from humangen.diffusion.sample import Denoise
from humangen.types import InputError


def windows(num_frames: int, length: int, overlap: int) -> list[range]:
    """Ranges of `length` frames that overlap by at least `overlap`; the last ends at the last frame, and none
    wraps around. A clip shorter than a window is one window."""
    if not 0 <= overlap < length:
        raise InputError(f"windows of {length} frames cannot overlap by {overlap}")
    if num_frames <= length:
        return [range(num_frames)]
    starts = [*range(0, num_frames - length, length - overlap), num_frames - length]
    return [range(start, start + length) for start in starts]


def windowed(denoisers: list[tuple[range, Denoise]], num_frames: int) -> Denoise:
    """One denoising function over `num_frames` frames from one per window: the mean where windows overlap."""

    def denoise(latents: Tensor, timestep: Tensor) -> Tensor:
        total = torch.zeros_like(latents)
        count = torch.zeros(num_frames, device=latents.device)
        for window, function in denoisers:
            frames = slice(window.start, window.stop)
            total[:, frames] += function(latents[:, frames], timestep)
            count[frames] += 1
        return total / count[:, None, None, None]

    return denoise

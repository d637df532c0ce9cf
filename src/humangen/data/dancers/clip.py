"""Clips of one dancer in one dance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humangen.data.dancers.appearance import Dancer
from humangen.data.dancers.dances import Dance
from humangen.data.dancers.draw import draw


@dataclass(frozen=True)
class DancerClip:
    """frames (F, H, W, 3) uint8, keypoints (F, 128, 3) float32, parts (F, H, W) uint8."""

    frames: np.ndarray
    keypoints: np.ndarray
    parts: np.ndarray


def render_clip(person: int, dance: int, num_frames: int, fps: float, height: int, width: int) -> DancerClip:
    """The dancer of seed `person` in the dance of seed `dance`; frame n is at n / fps seconds."""
    if num_frames < 1:
        raise ValueError(f"a clip needs at least one frame, got {num_frames}")
    if fps <= 0:
        raise ValueError(f"frames per second must be positive, got {fps}")
    dancer, motion = Dancer.from_seed(person), Dance.from_seed(dance)
    drawings = [draw(dancer, motion, frame / fps, height, width) for frame in range(num_frames)]
    return DancerClip(
        frames=np.stack([drawing.picture for drawing in drawings]),
        keypoints=np.stack([drawing.keypoints for drawing in drawings]),
        parts=np.stack([drawing.parts for drawing in drawings]),
    )

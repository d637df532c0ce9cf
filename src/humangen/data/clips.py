"""Which frames of a stored clip make an example: a reference, and the clips to paint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from humangen.types import InputError


@dataclass(frozen=True)
class Choice:
    """Frame numbers: one reference, and target clips of equal length."""

    reference: int
    targets: tuple[tuple[int, ...], ...]

    @property
    def frames(self) -> list[int]:
        """All frame numbers, the reference first, then clip by clip."""
        return [self.reference, *(frame for clip in self.targets for frame in clip)]


class ClipSampler(Protocol):
    """Draws a choice from a clip of `num_frames` frames at `fps`."""

    def __call__(self, num_frames: int, fps: float, random: np.random.Generator) -> Choice: ...


def distant_frames(num_frames: int, taken: list[int], margin: float) -> np.ndarray:
    """The frames at least `margin` frames from all `taken`; the farthest ones where none is that far."""
    distance = np.abs(np.arange(num_frames)[:, None] - np.array(taken)[None]).min(1)
    return np.flatnonzero(distance >= min(margin, distance.max()))


class PairSampler:
    """A reference and `num_targets` single frames at least `margin_seconds` from it: stage 1, pictures.

    Several targets for one reference cost one reading of the reference.
    """

    def __init__(self, *, num_targets: int = 1, margin_seconds: float = 0.5) -> None:
        self.num_targets, self.margin_seconds = num_targets, margin_seconds

    def __call__(self, num_frames: int, fps: float, random: np.random.Generator) -> Choice:
        if num_frames < 2:
            raise InputError("a clip of one frame has no second frame to paint")
        reference = int(random.integers(num_frames))
        candidates = distant_frames(num_frames, [reference], self.margin_seconds * fps)
        repeat = len(candidates) < self.num_targets
        drawn = random.choice(candidates, self.num_targets, replace=repeat)
        return Choice(reference, tuple((int(frame),) for frame in drawn))


class WindowSampler:
    """A reference and one clip of `num_frames` consecutive frames at `fps`: stage 2, motion.

    The reference is `margin_seconds` from the window where the clip is long enough, else the farthest frame.
    """

    def __init__(self, *, num_frames: int, fps: float, margin_seconds: float = 0.0) -> None:
        self.num_frames, self.fps, self.margin_seconds = num_frames, fps, margin_seconds

    def __call__(self, num_frames: int, fps: float, random: np.random.Generator) -> Choice:
        stride = max(1, round(fps / self.fps))
        span = (self.num_frames - 1) * stride + 1
        if span > num_frames:
            raise InputError(
                f"a clip of {num_frames} frames at {fps:g} fps is too short for {self.num_frames} frames "
                f"at {self.fps:g} fps"
            )
        start = int(random.integers(num_frames - span + 1))
        window = tuple(range(start, start + span, stride))
        candidates = distant_frames(num_frames, list(window), self.margin_seconds * fps)
        return Choice(int(random.choice(candidates)), (window,))


class WholeClipSampler:
    """The first frame as the reference, all frames at `fps` behind it as one clip, at most `num_frames`.

    Evaluation: nothing is drawn.
    """

    def __init__(self, *, num_frames: int, fps: float) -> None:
        self.num_frames, self.fps = num_frames, fps

    def __call__(self, num_frames: int, fps: float, random: np.random.Generator) -> Choice:
        stride = max(1, round(fps / self.fps))
        window = tuple(range(stride, num_frames, stride))[: self.num_frames]
        if not window:
            raise InputError(f"a clip of {num_frames} frames at {fps:g} fps has no second frame at {self.fps:g}")
        return Choice(0, (window,))

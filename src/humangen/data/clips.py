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
    """Draws a choice from a clip at `fps`. `usable`, bool (F,), says which of its frames may be chosen; raises
    `InputError` where they are too few."""

    def __call__(self, usable: np.ndarray, fps: float, random: np.random.Generator) -> Choice: ...


def distant_frames(frames: np.ndarray, taken: list[int], margin: float) -> np.ndarray:
    """Those of `frames` at least `margin` frames from all `taken`; the farthest ones where none is that far."""
    distance = np.abs(frames[:, None] - np.array(taken)[None]).min(1)
    return frames[distance >= min(margin, distance.max())]


def described(usable: np.ndarray, fps: float) -> str:
    """A clip, for an error."""
    return f"a clip of {len(usable)} frames at {fps:g} fps, {usable.sum()} of them usable,"


class PairSampler:
    """A reference and `num_targets` single frames at least `margin_seconds` from it: stage 1, pictures.

    Several targets for one reference cost one reading of the reference.
    """

    def __init__(self, *, num_targets: int = 1, margin_seconds: float = 0.5) -> None:
        self.num_targets, self.margin_seconds = num_targets, margin_seconds

    def __call__(self, usable: np.ndarray, fps: float, random: np.random.Generator) -> Choice:
        frames = np.flatnonzero(usable)
        if len(frames) < 2:
            raise InputError(f"{described(usable, fps)} has no second frame to paint")
        reference = int(frames[random.integers(len(frames))])
        candidates = distant_frames(frames, [reference], self.margin_seconds * fps)
        repeat = len(candidates) < self.num_targets
        drawn = random.choice(candidates, self.num_targets, replace=repeat)
        return Choice(reference, tuple((int(frame),) for frame in drawn))


class WindowSampler:
    """A reference and one clip of `num_frames` consecutive frames at `fps`, all of them usable: stage 2, motion.

    The reference is `margin_seconds` from the window where the clip is long enough, else the farthest frame.
    """

    def __init__(self, *, num_frames: int, fps: float, margin_seconds: float = 0.0) -> None:
        self.num_frames, self.fps, self.margin_seconds = num_frames, fps, margin_seconds

    def __call__(self, usable: np.ndarray, fps: float, random: np.random.Generator) -> Choice:
        stride = max(1, round(fps / self.fps))
        offsets = np.arange(self.num_frames) * stride
        windows = np.arange(max(0, len(usable) - offsets[-1]))[:, None] + offsets
        windows = windows[usable[windows].all(1)]
        if not len(windows):
            raise InputError(f"{described(usable, fps)} has no {self.num_frames} usable in a row at {self.fps:g} fps")
        window = tuple(windows[random.integers(len(windows))].tolist())
        candidates = distant_frames(np.flatnonzero(usable), list(window), self.margin_seconds * fps)
        return Choice(int(random.choice(candidates)), (window,))


class WholeClipSampler:
    """The first usable frame as the reference, the frames at `fps` behind it as one clip, at most `num_frames`.

    The clip ends at the first frame that is not usable; the reference is a frame that has one to paint behind it.
    Evaluation: nothing is drawn.
    """

    def __init__(self, *, num_frames: int, fps: float) -> None:
        self.num_frames, self.fps = num_frames, fps

    def __call__(self, usable: np.ndarray, fps: float, random: np.random.Generator) -> Choice:
        stride = max(1, round(fps / self.fps))
        references = np.flatnonzero(usable[:-stride] & usable[stride:])
        if not len(references):
            raise InputError(f"{described(usable, fps)} has no usable one behind another at {self.fps:g} fps")
        reference = int(references[0])
        behind = usable[reference::stride]
        length = len(behind) if behind.all() else int(behind.argmin())
        window = range(reference, len(usable), stride)[1:length]
        return Choice(reference, (tuple(window[: self.num_frames]),))

"""What is seen only over time: flicker, drift, and the windows that clips are cut into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from humangen.types import InputError

DRIFT = "temporal_drift_"


def clip_windows(num_frames: int, length: int, stride: int) -> list[range]:
    """The frames of every whole window of `length` neighbours whose start is a multiple of `stride`.

    DisCo's Frechet distances of videos take stride 1: 15, 16, 17 frames give 0, 1, 2 windows of 16.
    """
    if min(length, stride) < 1:
        raise InputError(f"windows have a length and a stride of at least 1, not {length} and {stride}")
    return [range(start, start + length) for start in range(0, num_frames - length + 1, stride)]


@dataclass(frozen=True)
class Windows:
    """How clips are cut for metrics of whole clips: every whole window of `length` frames, `stride` apart; a clip that
    is shorter is one."""

    length: int = 16
    stride: int = 16

    def of(self, num_frames: int) -> list[range]:
        return clip_windows(num_frames, self.length, self.stride) or [range(num_frames)]

    def keys(self, keys: Sequence[str], num_frames: int) -> list[str]:
        """A key for each window of the clips that `keys` name."""
        return [f"{key}@{window.start}" for key in keys for window in self.of(num_frames)]


def dtssd(prediction: Tensor, truth: Tensor) -> Tensor:
    """Mean squared difference (F - 1,) between the changes of two clips (F, 3, H, W) in [0, 1] from frame to frame.

    0: the painted clip changes just as the true one, whatever it shows. The name is that of Erofeev et al. 2015, who
    take roots; as in DisCo's evaluation there are none here.
    """
    changes = (prediction[1:] - prediction[:-1]) - (truth[1:] - truth[:-1])
    return changes.double().square().mean((-3, -2, -1))


def drift_columns(name: str) -> list[str]:
    """What the four parts in time of a score are called."""
    return [f"{DRIFT}{name}_{quarter}" for quarter in range(1, 5)]


def quarters(values: Tensor) -> list[Tensor]:
    """The four parts in time of values (..., F); their means show how a score drifts along a clip. Of fewer than four
    frames some parts are empty."""
    frames = values.shape[-1]
    ends = [frames * quarter // 4 for quarter in range(5)]
    return [values[..., begin:end] for begin, end in zip(ends, ends[1:], strict=False)]

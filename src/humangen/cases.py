"""Samples for people to look at: the first, the worst and the best, with what they were painted from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from humangen.media import gif, replacing, to_uint8, write_picture
from humangen.metrics.protocols import Protocol
from humangen.report.columns import CASES, extremes, leading

FIRST, FRAMES, FPS = 6, 32, 4.0  # samples; frames of a clip and how many of them a second

Samples = dict[str, dict[str, float]]  # scores by key and name


def chosen(samples: Samples, metrics: Sequence[str]) -> set[str]:
    """The keys of the first samples, and of the worst and best by the first of `metrics` that has a better side."""
    column = leading(metrics, {name for scores in samples.values() for name in scores})
    keys = {*sorted(samples)[:FIRST]}
    if column:
        scores = {key: values[column.name] for key, values in samples.items() if column.name in values}
        keys.update(*extremes(scores, column, CASES))
    return keys


def keep_cases(
    protocol: Protocol,
    batches: Iterable[Any],
    paint: Callable[[Any], dict[str, Tensor]],
    samples: Samples,
    folder: Path,
) -> None:
    """Writes a folder for each of the chosen `samples`, which holds NAME.png, or NAME.gif where a clip moves."""
    wanted = chosen(samples, protocol.metrics)
    for batch in batches:
        found = wanted & {*batch.keys}
        for name, clips in protocol.pictures(paint(batch), batch).items() if found else ():
            for key, clip in zip(batch.keys, clips, strict=True):
                if key in found:
                    write(folder / key, name, clip)
        wanted -= found
        if not wanted:
            return


def write(folder: Path, name: str, clip: Tensor) -> None:
    """Writes the first frames of a clip (F, 3, H, W) in [-1, 1]."""
    frames = to_uint8(clip[:FRAMES])
    if len(frames) == 1:
        write_picture(folder / f"{name}.png", frames[0])
        return
    with replacing(folder / f"{name}.gif") as temporary:
        temporary.write_bytes(gif(frames, FPS))

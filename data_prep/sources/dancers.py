"""The embedded dancers as a source: people drawn from seeds, disjoint between the splits."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from humangen.data.dancers import Part, render_clip
from humangen.data.schema import ClipInfo, ClipRecord
from humangen.media import encode_video

FIRST_SEED = {"train": 0, "val": 1_000_000, "test": 2_000_000}


@dataclass(frozen=True)
class DancersSource:
    """`people` in train and `held_out` others in val and in test dance `clips` dances each.

    A person's seed is the first seed of the split plus a number, so the same held-out people stay held out.
    """

    people: int
    held_out: int
    clips: int
    height: int
    width: int
    num_frames: int = 16
    fps: float = 8.0
    name: ClassVar[str] = "dancers"

    def jobs(self, split: str) -> list[tuple[str, int, int]]:
        first = FIRST_SEED[split]
        people = self.people if split == "train" else self.held_out
        return [
            (split, first + person, (first + person) * 100 + clip)
            for person in range(people)
            for clip in range(self.clips)
        ]

    def records(self, split: str, workers: int) -> Iterator[ClipRecord]:
        """The split's clips in the order of `jobs`, whatever the number of worker processes."""
        jobs, render = self.jobs(split), partial(render_record, self)
        if workers <= 1:
            yield from map(render, jobs)
            return
        with ProcessPoolExecutor(workers) as pool:
            yield from pool.map(render, jobs, chunksize=4)


def render_record(source: DancersSource, job: tuple[str, int, int]) -> ClipRecord:
    """One clip: (split, person seed, dance seed)."""
    split, person, dance = job
    clip = render_clip(person, dance, source.num_frames, source.fps, source.height, source.width)
    info = ClipInfo(
        source=source.name,
        identity=f"dancer-{person}",
        split=split,
        fps=source.fps,
        num_frames=source.num_frames,
        height=source.height,
        width=source.width,
    )
    figure = np.asarray(clip.parts) != Part.BACKGROUND
    video = encode_video(clip.frames, source.fps)
    return ClipRecord(f"dancer{person:07d}-{dance % 100:02d}", video, clip.keypoints, info, figure)

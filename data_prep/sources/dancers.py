"""The embedded dancers as a source: people drawn from seeds, disjoint between the splits."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from rich.progress import track
from upath import UPath

from data_prep.shards import build_split, install
from humangen.data.dancers import Part, render_clip
from humangen.data.dancers.draw import SMALLEST
from humangen.data.index import INDEX, SPLITS
from humangen.data.schema import ClipInfo, ClipRecord, encode_clip
from humangen.media import encode_video
from humangen.types import InputError

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


@dataclass(frozen=True, kw_only=True)
class Drawn(DancersSource):
    """Dancers that a configuration describes: drawn into `folder` where they are not there yet. Shards anywhere
    else are the user's, and nothing is ever drawn there."""

    folder: str

    def ensure(self, shards: str) -> None:
        if shards == self.folder:
            write_source(self, Path(shards))


def write_source(source: DancersSource, folder: Path, *, workers: int = 2) -> None:
    """Writes the splits of `source` that `folder` does not have."""
    for split in SPLITS:
        if (folder / split / INDEX).exists():
            continue
        records = track(source.records(split, workers), f"{source.name} {split}", total=len(source.jobs(split)))
        built = folder / f".{split}.partial"
        index = build_split(built, split, map(encode_clip, records), kind="animation", per_shard=64)
        install(built, UPath(folder / split))
        print(f"{folder / split}: {index.num_samples} clips in {len(index.shards)} shards")


def write_dancers(options: argparse.Namespace) -> None:
    """`python -m data_prep dancers`."""
    taken = [split for split in SPLITS if (options.output / split / INDEX).exists()]
    if taken:
        raise InputError(f"{options.output / taken[0]} already holds shards; remove it or name another --output")
    height, width = options.size
    if min(options.people, options.held_out, options.clips, options.frames, options.fps) <= 0:
        raise InputError("--people, --held-out, --clips, --frames and --fps must be positive")
    if options.clips > 100:
        raise InputError("--clips must be 100 at most: a dance's seed is the person's times 100 plus its number")
    if min(height, width) < SMALLEST:
        raise InputError(f"--size {height}x{width} is too small: a drawing needs {SMALLEST} pixels on each side")
    source = DancersSource(
        people=options.people,
        held_out=options.held_out,
        clips=options.clips,
        height=height,
        width=width,
        num_frames=options.frames,
        fps=options.fps,
    )
    write_source(source, options.output, workers=options.workers)

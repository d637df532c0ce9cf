"""What sources of drawn people share: nothing is read, and shards that are not there are drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from filelock import FileLock, Timeout
from rich.progress import track
from upath import UPath

from data_prep.install import install
from data_prep.shards import Members, build_split
from humangen.data.dancers.draw import SMALLEST
from humangen.data.index import INDEX, SPLITS
from humangen.types import InputError

FIRST_SEED = {"train": 0, "val": 1_000_000, "test": 2_000_000}
Job = tuple[str, int, int]  # split, number of the person, number of the picture or clip


@dataclass(frozen=True, kw_only=True)
class DrawnSource(ABC):
    """`people` in train and `held_out` others in val and in test.

    A person's seed is the first seed of the split plus a number, so the same held-out people stay held out. `folder`
    is where a configuration keeps the shards: anywhere else they are the user's, and nothing is ever drawn there.
    """

    people: int
    held_out: int
    height: int
    width: int
    folder: str | None = None
    name: ClassVar[str] = "dancers"
    kind: ClassVar[str]
    splits: ClassVar[tuple[str, ...]] = SPLITS
    per_shard: ClassVar[int] = 64

    @abstractmethod
    def jobs(self, split: str) -> list[Job]: ...

    @abstractmethod
    def sample(self, job: Job) -> Members: ...

    def count(self, split: str) -> int:
        """How many people a split has."""
        return self.people if split == "train" else self.held_out

    def check(self) -> None:
        """Raises `InputError` where nothing can be drawn."""
        if min(self.people, self.held_out) < 1:
            raise InputError("--people and --held-out must be positive")
        if min(self.height, self.width) < SMALLEST:
            raise InputError(
                f"--size {self.height}x{self.width} is too small: a drawing needs {SMALLEST} pixels on each side"
            )

    def samples(self, split: str, workers: int) -> Iterator[Members]:
        """The split's samples in the order of `jobs`, whatever the number of worker processes."""
        jobs = self.jobs(split)
        if workers <= 1:
            yield from map(self.sample, jobs)
            return
        with ProcessPoolExecutor(workers) as pool:
            yield from pool.map(self.sample, jobs, chunksize=4)

    def ensure(self, shards: str) -> None:
        """Draws the shards that a configuration needs, where they are its own."""
        if shards == self.folder:
            self.write(Path(shards))

    def write(self, folder: Path, *, workers: int = 2) -> None:
        """Writes the splits that `folder` does not have; of processes that want to, one does and the others wait."""
        if not self.missing(folder):  # nothing to write, maybe where nothing may be written
            return
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            print(f"another process draws {folder}: waiting for it", flush=True)
            held = lock.acquire()
        with held:
            self._draw(folder, workers)

    def missing(self, folder: Path) -> list[str]:
        """The splits that `folder` does not have."""
        return [split for split in self.splits if not (folder / split / INDEX).exists()]

    def _draw(self, folder: Path, workers: int) -> None:
        for split in self.missing(folder):
            samples = track(self.samples(split, workers), f"{self.name} {split}", total=len(self.jobs(split)))
            built = folder / f".{split}.partial"
            index = build_split(built, split, samples, kind=self.kind, per_shard=self.per_shard)
            install(built, UPath(folder / split))
            print(f"{folder / split}: {index.num_samples} samples in {len(index.shards)} shards")

    def write_new(self, folder: Path, *, workers: int) -> None:
        """`write` into a folder that holds no shards yet."""
        self.check()
        if taken := [split for split in self.splits if split not in self.missing(folder)]:
            raise InputError(f"{folder / taken[0]} already holds shards; remove it or name another --output")
        self.write(folder, workers=workers)

"""Where a preparation reads and writes, and what all of them do."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.progress import track
from upath import UPath

from data_prep.items import UNPAIRED, Problem, RawClip, RawPair
from data_prep.shards import Members, build_split, check_ours, install, is_sound, leftovers, read_manifest
from data_prep.work import BUILT, Executor, Job, Stage, Work, run_stage, write_ledger
from humangen.data.index import INDEX, SPLITS
from humangen.types import InputError

LEDGER = "ledger.jsonl"
PER_SHARD = 64


@dataclass(frozen=True)
class Place:
    """Where the shards go, where what is done so far is kept, and where the stages run."""

    output: UPath
    work: Work
    executor: Executor
    settings: dict[str, Any]
    lock: FileLock

    def begin(self) -> None:
        """To be called once it is clear that there is something to do; raises `InputError` where it was begun with
        other settings, or another process is at it."""
        self.work.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(f"another run is at work in {self.work.folder}: wait until it ends, or stop it") from error
        fresh = not self.work.begun
        self.work.settle(self.settings)
        self.work.tidy()
        for split in [*SPLITS, UNPAIRED]:
            check_ours(self.output / split)
            if fresh and (self.output / split / INDEX).is_file():
                raise InputError(
                    f"{self.output / split} holds shards that another command wrote: name another --output, or remove "
                    "them"
                )
        if isinstance(self.output, Path):
            for path in [*leftovers(self.output), *self.output.glob(f".{Path(LEDGER).stem}.*")]:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def close(self) -> None:
        """Ends the workers, and lets others in."""
        self.executor.close()
        self.lock.release()

    def run(self, stages: Sequence[Stage], jobs: Sequence[Job], problems: list[Problem]) -> None:
        """Stage after stage, each over the jobs that have come so far; what fails is added to `problems`."""
        for stage in stages:
            problems += run_stage(stage, jobs, self.work, self.executor)
            jobs = [job for job in jobs if self.work.done(stage.name, job.key)]
            self.ledger(problems)

    def ledger(self, problems: Iterable[Problem]) -> list[Problem]:
        """Writes the ledger; called at the end of each stage."""
        ordered = sorted(set(problems), key=lambda each: (each.key, each.stage, each.reason))
        write_ledger(self.output / LEDGER, ordered)
        return ordered

    def write(self, split: str, samples: Iterable[Members], lines: list[dict[str, Any]], *, kind: str) -> None:
        """One split, unless it is there with the same samples."""
        final = self.output / split
        if (final / INDEX).is_file() and read_manifest(final) == lines and is_sound(final):
            print(f"{final}: {len(lines)} samples, as they are to be")
            return
        built = self.work.folder / f"{split}{BUILT}"
        told = track(samples, f"     write {split}", total=len(lines))
        index = build_split(built, split, told, kind=kind, per_shard=PER_SHARD, manifest=lines)
        install(built, final)
        print(f"{final}: {index.num_samples} samples in {len(index.shards)} shards")

    def check_kept(self, keys: dict[str, set[str]]) -> None:
        """Raises `InputError` where samples that were written before are not among `keys`, by split, any more: that
        the raw files are gone is no reason to lose what was made of them."""
        if not self.output.is_dir():
            return
        for path in sorted(path for path in self.output.iterdir() if (path / INDEX).is_file()):
            gone = sorted({line["key"] for line in read_manifest(path)} - keys.get(path.name, set()))
            if gone:
                raise InputError(
                    f"{len(gone)} samples of {path} do not come out of the input any more ({gone[0]}): their files are "
                    f"gone, or now another split's or another key's (see the ledger). Put them back, or remove {path}, "
                    f"and the same command writes it anew"
                )


def place_at(output: str, work: Path | None, settings: dict[str, Any], executor: Executor) -> Place:
    """The place of a preparation; nothing is written before it begins."""
    target = UPath(output)
    if target.protocol in ("file", "local"):
        target = UPath(target.path)
    if work is None:
        if not isinstance(target, Path):
            raise InputError(f"{output} is not on this machine: name a folder for what is done so far with --work")
        work = target / ".prep"
    return Place(target, Work(work), executor, json.loads(json.dumps(settings, default=str)), FileLock(work / "lock"))


def check_disjoint(items: Iterable[RawClip | RawPair]) -> None:
    """Nobody is both in training and held out (`test_unpaired` holds the people of `test`)."""
    places = defaultdict(set)
    for item in items:
        places[item.identity].add(item.split.partition("_")[0])
    torn = sorted(identity for identity, splits in places.items() if len(splits) > 1)
    if torn:
        raise InputError(f"{', '.join(torn[:5])} would be in several splits: {sorted(places[torn[0]])}")

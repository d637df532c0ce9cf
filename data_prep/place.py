"""Where a preparation reads and writes, and what all of them do."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from rich.progress import track
from upath import UPath

from data_prep.items import Problem, RawClip, RawPair
from data_prep.shards import Members, build_split, install, read_manifest
from data_prep.work import Executor, Job, Stage, Work, run_stage, write_ledger
from humangen.data.index import INDEX
from humangen.types import InputError

LEDGER = "ledger.jsonl"
PER_SHARD = 64

Raw = TypeVar("Raw", RawClip, RawPair)


@dataclass(frozen=True)
class Place:
    """Where the shards go, where what is done so far is kept, and where the stages run."""

    output: UPath
    work: Work
    executor: Executor

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
        if (final / INDEX).is_file() and read_manifest(final) == lines:
            print(f"{final}: {len(lines)} samples, as they are to be")
            return
        built = self.work.folder / f"{split}.shards"
        told = track(samples, f"     write {split}", total=len(lines))
        index = build_split(built, split, told, kind=kind, per_shard=PER_SHARD, manifest=lines)
        install(built, final)
        print(f"{final}: {index.num_samples} samples in {len(index.shards)} shards")


def begin(output: str, work: Path | None, settings: dict[str, Any], executor: Executor) -> Place:
    """The place of a preparation; raises `InputError` where it was begun with other settings."""
    target = UPath(output)
    if work is None:
        if not isinstance(target, Path):
            raise InputError(f"{output} is not on this machine: name a folder for what is done so far with --work")
        work = target / ".prep"
    if isinstance(target, Path):
        target.mkdir(parents=True, exist_ok=True)
    place = Place(target, Work(work), executor)
    place.work.settle(json.loads(json.dumps(settings, default=str)))
    return place


def with_unique_keys(items: Iterable[Raw]) -> list[Raw]:
    """Keys that two items share get a hash of their paths."""
    owners = defaultdict(list)
    for item in sorted(items, key=lambda item: (item.key, item.path)):
        owners[item.key].append(item)
    return [
        item if len(sharing) == 1 else replace(item, key=f"{item.key}-{_short_hash(item.path)}")
        for sharing in owners.values()
        for item in sharing
    ]


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def check_disjoint(items: Iterable[RawClip | RawPair]) -> None:
    """Nobody is both in training and held out (`test_unpaired` holds the people of `test`)."""
    places = defaultdict(set)
    for item in items:
        places[item.identity].add(item.split.partition("_")[0])
    torn = sorted(identity for identity, splits in places.items() if len(splits) > 1)
    if torn:
        raise InputError(f"{', '.join(torn[:5])} would be in several splits: {sorted(places[torn[0]])}")

"""Where a preparation reads and writes, and what all of them do."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.progress import track
from upath import UPath

from data_prep.earlier import Made, staying, stays
from data_prep.install import check_ours, install, is_sound, put_right
from data_prep.items import UNPAIRED, Problem, RawClip, RawPair
from data_prep.shards import SAMPLE, build_split, read_manifest
from data_prep.work import BUILT, Executor, Job, Stage, Work, run_stage, write_ledger
from humangen.data.index import INDEX, SPLITS
from humangen.types import InputError

LEDGER = "ledger.jsonl"
PER_SHARD = 64
ALL_SPLITS = (*SPLITS, UNPAIRED)


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
        if isinstance(self.output, Path):
            put_right(self.output)
        for split in ALL_SPLITS:
            check_ours(self.output / split)
        written = [self.output / split for split in ALL_SPLITS if (self.output / split / INDEX).is_file()]
        if written and not self.work.begun:
            raise InputError(
                f"{written[0]} holds shards that another command wrote: name another --output, or remove them"
            )
        self.work.settle(self.settings, written=bool(written))
        self.work.tidy()
        if isinstance(self.output, Path):
            for path in self.output.glob(f".{Path(LEDGER).stem}.*"):
                path.unlink()

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

    def write(self, made: Mapping[str, list[Made]], found: Mapping[str, str], *, kind: str) -> list[Problem]:
        """All splits, with the samples that were written before and stay (see `staying`), of which the problems tell.
        Raises `InputError` before anything is written."""
        options = self.work.options(self.settings)
        splits = {split: [each.made_with(options) for each in samples] for split, samples in made.items()}
        there = sorted(path for path in self.output.iterdir() if (path / INDEX).is_file())
        old = {path.name: list(staying(path, splits, found, options)) for path in there}
        for split, kept in old.items():
            splits[split] = splits.get(split, []) + kept
            if not splits[split]:
                raise InputError(
                    f"nothing of {self.output / split} comes out of the input any more, and what did is of other "
                    "splits now: remove it, and the same command goes on"
                )
        for split, samples in sorted(splits.items()):
            self._write_split(split, sorted(samples, key=lambda each: each.line["key"]), kind=kind)
        return [stays(each, split) for split, kept in old.items() for each in kept]

    def _write_split(self, split: str, samples: list[Made], *, kind: str) -> None:
        """Unless it is there with the same samples."""
        final, lines = self.output / split, [each.line for each in samples]
        if (final / INDEX).is_file() and unsealed(read_manifest(final)) == unsealed(lines) and is_sound(final):
            print(f"{final}: {len(lines)} samples, as they are to be")
            return
        built = self.work.folder / f"{split}{BUILT}"
        members = (each.members() for each in samples)
        told = track(members, f"     write {split}", total=len(lines))
        index = build_split(built, split, told, kind=kind, per_shard=PER_SHARD, manifest=lines)
        install(built, final)
        print(f"{final}: {index.num_samples} samples in {len(index.shards)} shards")


def unsealed(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A manifest's lines without the hashes that they get when the samples are written."""
    return [{name: value for name, value in line.items() if name != SAMPLE} for line in lines]


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

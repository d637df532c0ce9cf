"""From a source to shards, stage by stage."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

from rich.progress import track
from upath import UPath

from data_prep.clips import Options, Piece, clip_stages, pieces
from data_prep.items import Problem, RawClip
from data_prep.records import manifest, notes, record
from data_prep.shards import Members, build_split, install, read_manifest
from data_prep.work import Executor, Work, run_stage, write_ledger
from humangen.data.index import INDEX
from humangen.data.schema import encode_clip
from humangen.types import InputError

LEDGER = "ledger.jsonl"
PER_SHARD = 64
FIRST_KEPT = ("test", "val", "train")  # of two clips with the same pictures, the one that is held out is kept


class ClipSource(Protocol):
    name: ClassVar[str]

    def discover(self) -> tuple[list[RawClip], list[Problem]]: ...


@dataclass(frozen=True)
class Place:
    """Where the shards go, and where what is done so far is kept."""

    output: UPath
    work: Work

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


def prepare_clips(source: ClipSource, place: Place, options: Options, executor: Executor) -> list[Problem]:
    """All stages over all clips of `source`; what is done is kept, what failed before is tried again."""
    early, late = clip_stages(options)
    print("stages: discover -> " + " -> ".join(stage.name for stage in early + late) + " -> write -> verify -> index")
    clips, problems = source.discover()
    clips = with_unique_keys(clips)
    print(f"{source.name}: {len(clips)} clips found")
    for clip in clips:
        if place.work.done("probe", clip.key) and is_changed(clip, place.work):
            place.work.forget(clip.key)
    work = place.work
    for stage in early:
        problems += run_stage(stage, [clip for clip in clips if reached(stage.name, clip.key, work)], work, executor)
        place.ledger(problems)
        if stage.name == "probe":
            clips, copies = without_copies(clips, work)
            problems += copies
    parts = pieces(clips, work)
    for stage in late:
        problems += run_stage(stage, [part for part in parts if reached(stage.name, part.key, work)], work, executor)
        place.ledger(problems)
    finished = [part for part in parts if all(work.done(stage.name, part.key) for stage in late)]
    problems += [note for part in finished for note in notes(part, work)]
    check_disjoint(finished)
    for split, members in by_split(finished).items():
        lines = [manifest(part, work, options) for part in members]
        samples = (encode_clip(record(part, work, options, source.name)) for part in members)
        place.write(split, samples, lines, kind="animation")
    return place.ledger(problems)


BEFORE = {"cut": "probe", "pose": "person", "transcode": "pose"}


def reached(stage: str, key: str, work: Work) -> bool:
    """Whether the stage that `stage` builds on has a result."""
    return stage not in BEFORE or work.done(BEFORE[stage], key)


def is_changed(clip: RawClip, work: Work) -> bool:
    return bool(work.json("probe", clip.key)["fingerprint"] != clip.frames.fingerprint)


def with_unique_keys(clips: list[RawClip]) -> list[RawClip]:
    """Keys that two clips share get a hash of their paths."""
    owners = defaultdict(list)
    for clip in clips:
        owners[clip.key].append(clip)
    return [
        clip
        if len(owners[clip.key]) == 1
        else replace(clip, key=f"{clip.key}-{hashlib.sha256(clip.path.encode()).hexdigest()[:8]}")
        for clip in sorted(clips, key=lambda clip: (clip.key, clip.path))
    ]


def without_copies(clips: list[RawClip], work: Work) -> tuple[list[RawClip], list[Problem]]:
    """The probed clips, each set of pictures once."""
    kept: dict[tuple[str, int], RawClip] = {}
    problems = []
    for clip in sorted(clips, key=lambda clip: (FIRST_KEPT.index(clip.split), clip.key)):
        if not work.done("probe", clip.key):
            continue
        probed = work.json("probe", clip.key)
        first = kept.setdefault((probed["digest"], probed["num_frames"]), clip)
        if first is not clip:
            reason = f"{clip.path} has the pictures of {first.path}, which is kept"
            problems.append(Problem(clip.key, "probe", "failed", reason))
    return sorted(kept.values(), key=lambda clip: clip.key), problems


def check_disjoint(parts: list[Piece]) -> None:
    """Nobody is both in training and held out."""
    places = defaultdict(set)
    for part in parts:
        places[part.clip.identity].add(part.clip.split)
    torn = sorted(identity for identity, splits in places.items() if len(splits) > 1)
    if torn:
        raise InputError(f"{', '.join(torn[:5])} would be in several splits: {sorted(places[torn[0]])}")


def by_split(parts: list[Piece]) -> dict[str, list[Piece]]:
    groups = defaultdict(list)
    for part in parts:
        groups[part.clip.split].append(part)
    return {split: sorted(groups[split], key=lambda part: part.key) for split in sorted(groups)}


def begin(output: str, work: Path | None, settings: dict[str, Any], options: Options) -> Place:
    """The place of a preparation; raises `InputError` where it was begun with other settings."""
    target = UPath(output)
    if work is None:
        if not isinstance(target, Path):
            raise InputError(f"{output} is not on this machine: name a folder for what is done so far with --work")
        work = target / ".prep"
    if isinstance(target, Path):
        target.mkdir(parents=True, exist_ok=True)
    place = Place(target, Work(work))
    place.work.settle(json.loads(json.dumps({**settings, **asdict(options)}, default=str)))
    return place

"""From a source of clips to shards, stage by stage."""

from __future__ import annotations

from collections import defaultdict
from typing import ClassVar, Protocol

from data_prep.clips import Options, Piece, clip_stages, fingerprint, pieces
from data_prep.items import Problem, RawClip
from data_prep.place import LEDGER, Place, check_disjoint
from data_prep.records import manifest, notes, record
from data_prep.work import Work
from humangen.data.schema import encode_clip
from humangen.types import InputError

FIRST_KEPT = ("test", "val", "train")  # of two clips with the same pictures, the one that is held out is kept


class ClipSource(Protocol):
    name: ClassVar[str]

    def discover(self) -> tuple[list[RawClip], list[Problem]]: ...


def prepare_clips(source: ClipSource, place: Place, options: Options) -> list[Problem]:
    """All stages over all clips of `source`; what is done is kept, what failed before is tried again."""
    (probe, *early), late = clip_stages(options)
    names = [stage.name for stage in (probe, *early, *late)]
    print("stages: " + " -> ".join(["discover", *names, "write", "verify", "index"]))
    work = place.work
    clips, problems = source.discover()
    print(f"{source.name}: {len(clips)} clips found")
    place.begin()
    for clip in clips:
        if work.done("probe", clip.key) and work.json("probe", clip.key)["fingerprint"] != fingerprint(clip):
            work.forget(clip.key)
    place.run([probe], clips, problems)
    clips, copies = without_copies(clips, work)
    problems += copies
    check_disjoint(clips)
    place.run(early, clips, problems)
    parts = pieces(clips, work)
    place.run(late, parts, problems)
    finished = [part for part in parts if all(work.done(stage.name, part.key) for stage in late)]
    problems += [note for part in finished for note in notes(part, work)]
    if not finished:
        place.ledger(problems)
        raise InputError(f"no clip has come through: {place.output / LEDGER} says why")
    members: dict[str, list[Piece]] = defaultdict(list)
    for part in sorted(finished, key=lambda part: part.key):
        members[part.clip.split].append(part)
    place.check_kept({split: {part.key for part in held} for split, held in members.items()})
    for split, held in sorted(members.items()):
        lines = [manifest(part, work, options) for part in held]
        samples = (encode_clip(record(part, work, options, source.name)) for part in held)
        place.write(split, samples, lines, kind="animation")
    return place.ledger(problems)


def without_copies(clips: list[RawClip], work: Work) -> tuple[list[RawClip], list[Problem]]:
    """The probed clips, each set of pictures once. The one that an earlier run kept stays, whatever comes beside it."""
    kept: dict[tuple[str, str, int], RawClip] = {}
    problems = []
    for clip in sorted(
        clips, key=lambda clip: (not work.done("cut", clip.key), FIRST_KEPT.index(clip.split), clip.key)
    ):
        if not work.done("probe", clip.key):
            continue
        probed = work.json("probe", clip.key)
        pictures = probed["digest"], probed["middle"], probed["num_frames"]
        first = kept.setdefault(pictures, clip)
        if first is not clip:
            reason = f"{clip.path} has the pictures of {first.path}, which is kept"
            problems.append(Problem(clip.key, "probe", "failed", reason))
    return sorted(kept.values(), key=lambda clip: clip.key), problems

"""From a source of clips to shards, stage by stage."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import ClassVar, Protocol

from data_prep.clips import Options, clip_stages, fingerprint, pieces
from data_prep.earlier import Made
from data_prep.items import Problem, RawClip
from data_prep.place import LEDGER, Place, check_disjoint
from data_prep.records import manifest, notes, pictures_of, sample
from data_prep.work import Work
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
    found = {clip.key: clip.split for clip in clips}
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
    made: dict[str, list[Made]] = defaultdict(list)
    for part in finished:
        members = partial(sample, part, work, options, source.name)
        made[part.clip.split].append(Made(manifest(part, work, options), members))
    return place.ledger(problems + place.write(made, found, kind="animation"))


def without_copies(clips: list[RawClip], work: Work) -> tuple[list[RawClip], list[Problem]]:
    """The probed clips, each set of pictures once. The one that an earlier run kept stays, whatever comes beside it."""
    kept: dict[str, RawClip] = {}
    problems = []
    for clip in sorted(
        clips, key=lambda clip: (not work.done("cut", clip.key), FIRST_KEPT.index(clip.split), clip.key)
    ):
        if not work.done("probe", clip.key):
            continue
        probed = work.json("probe", clip.key)
        first = kept.setdefault(pictures_of(probed), clip)
        if first is not clip:
            reason = f"{clip.path} has the pictures of {first.path}, which is kept"
            problems.append(Problem(clip.key, "probe", "failed", reason))
    return sorted(kept.values(), key=lambda clip: clip.key), problems

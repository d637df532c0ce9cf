"""From a source of try-on samples to shards: discover, pose, region, write, verify, index."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

from data_prep.clips import EMBEDDED, estimator_of
from data_prep.earlier import Made
from data_prep.frames import stamp
from data_prep.items import Problem, RawPair
from data_prep.pairs import drawn_mask, make_pair
from data_prep.place import LEDGER, Place, check_disjoint
from data_prep.shards import Members, pack, unpack
from data_prep.work import EVERY, Stage, Work
from humangen.data.arrays import pack_arrays, unpack_arrays
from humangen.data.regions import region_shares
from humangen.data.schema import decode_pair, encode_pair
from humangen.media import read_picture
from humangen.pose.files import read_person
from humangen.types import InputError


class PairSource(Protocol):
    name: ClassVar[str]

    def discover(self) -> tuple[list[RawPair], list[Problem]]: ...


@dataclass(frozen=True)
class PairOptions:
    """`region`: own, parse or rectangle; `masks`: a folder of the user's own; the others as for clips."""

    pose: str | None = None
    models: Path | None = None
    size: int | None = None
    region: str = "own"
    masks: Path | None = None


def fingerprints(raw: RawPair, options: PairOptions) -> dict[str, str]:
    """`files` changes when one of the sample's files does, and when it is of another split; `drawn` when the user's own
    region does, or there is one now."""
    drawn = None if options.masks is None else drawn_mask(raw, options.masks)
    return {"files": files_of(raw), "drawn": "" if drawn is None else stamp((drawn,))}


def files_of(raw: RawPair) -> str:
    files = (raw.person, raw.garment, raw.parse, raw.pose, raw.mask)
    return f"{stamp(tuple(path for path in files if path is not None))} {raw.split}"


def probe(raw: RawPair, work: Work, options: PairOptions) -> bytes:
    for path in (raw.person, raw.garment):
        if not path.is_file():
            raise InputError(f"no picture at {path}")
    return json.dumps(fingerprints(raw, options)).encode()


def pose(raw: RawPair, work: Work, options: PairOptions) -> bytes:
    """Her `keypoints` (128, 3), from her own file or an estimator: the largest person's."""
    way = options.pose or ("own" if raw.pose is not None else EMBEDDED)
    picture = read_picture(raw.person)
    if way == "own":
        if raw.pose is None:
            raise InputError(f"{raw.path} has no pose file of its own: give --pose mediapipe or --pose dwpose")
        return pack_arrays(keypoints=read_person(raw.pose, *picture.shape[:2]))
    finder = estimator_of(way, options.models)
    boxes = finder.people(picture)
    if not len(boxes):
        raise InputError(f"{raw.path}: nobody is found in the picture")
    return pack_arrays(keypoints=finder.keypoints(picture, boxes[0, :4]))


def region(raw: RawPair, work: Work, options: PairOptions, source: str) -> bytes:
    """The whole sample, and the notes on it."""
    keypoints = unpack_arrays(work.read("pose", raw.key))["keypoints"]
    record, told = make_pair(
        raw, region=options.region, masks=options.masks, size=options.size, source=source, keypoints=keypoints
    )
    return pack({**encode_pair(record), "notes.json": json.dumps(told).encode()})


def prepare_pairs(source: PairSource, place: Place, options: PairOptions) -> list[Problem]:
    """All stages over all samples of `source`; what is done is kept, what failed before is tried again."""
    stages = [
        Stage("probe", partial(probe, options=options)),
        Stage("pose", partial(pose, options=options)),
        Stage("region", partial(region, options=options, source=source.name)),
    ]
    print("stages: " + " -> ".join(["discover", *(stage.name for stage in stages), "write", "verify", "index"]))
    work = place.work
    raws, problems = source.discover()
    print(f"{source.name}: {len(raws)} samples found")
    place.begin()
    for raw in raws:
        if work.done("probe", raw.key):
            before, now = work.json("probe", raw.key), fingerprints(raw, options)
            if before != now:
                work.forget(raw.key, EVERY if before["files"] != now["files"] else ("probe", "region"))
    place.run(stages, raws, problems)
    finished = [raw for raw in raws if work.done("region", raw.key)]
    problems += [problem for raw in finished for problem in notes(raw, work)]
    if not finished:
        place.ledger(problems)
        raise InputError(f"no sample has come through: {place.output / LEDGER} says why")
    check_disjoint(finished)
    made: dict[str, list[Made]] = defaultdict(list)
    for raw in finished:
        made[raw.split].append(Made(manifest(raw, work, options), partial(sample, raw, work)))
    found = {raw.key: raw.split for raw in raws}
    return place.ledger(problems + place.write(made, found, kind="tryon"))


def sample(raw: RawPair, work: Work) -> Members:
    members = unpack(work.read("region", raw.key))
    return {name: value for name, value in members.items() if name != "notes.json"}


def notes(raw: RawPair, work: Work) -> list[Problem]:
    """What the ledger says of a sample that arrives: marks are about its region, the rest was put right."""
    told = json.loads(unpack(work.read("region", raw.key))["notes.json"])
    return [
        Problem(raw.key, "region", "marked" if note.startswith("the region") else "repaired", note) for note in told
    ]


def manifest(raw: RawPair, work: Work, options: PairOptions) -> dict[str, Any]:
    """What the manifest says of a sample."""
    members = sample(raw, work)
    record = decode_pair(members)
    stored = b"".join(members[name] for name in sorted(members) if name != "__key__")
    shares = {}
    if record.parse is not None and record.info.parser is not None:
        shares = region_shares(record.region, record.parse, record.info.parser, raw.category)
    return {
        "key": raw.key,
        "identity": raw.identity,
        "path": raw.path,
        "garment": record.info.garment,
        "category": raw.category,
        "height": record.info.height,
        "width": record.info.width,
        "region_area": round(float(record.region.mean()), 4),
        **shares,
        "person_sha256": hashlib.sha256(record.person).hexdigest(),
        "garment_sha256": hashlib.sha256(record.garment).hexdigest(),
        "stored_sha256": hashlib.sha256(stored).hexdigest(),
        "pose": options.pose or ("own" if raw.pose is not None else EMBEDDED),
    }

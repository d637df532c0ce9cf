"""A prepared folder as it is looked at: all manifests, the ledger, and the few samples that are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from rich.progress import track
from upath import UPath

from data_prep.items import Problem
from data_prep.place import LEDGER
from data_prep.shards import MANIFEST, Members, read_manifest, read_shard
from humangen.data.index import INDEX, SPLITS, Index
from humangen.data.parsers import PARSERS
from humangen.data.regions import region_shares
from humangen.data.schema import LATENTS, decode_clip
from humangen.media import decode_labels
from humangen.pose.keypoints import BODY
from humangen.types import InputError

Line = dict[str, Any]  # of a manifest

NUMBERS = {  # what is asked of a manifest's lines; where they lack any of it, it is read from the samples
    "animation": ("frames", "fps", "height", "width", "confidence", "frames_without_person", "frames_with_several"),
    "tryon": ("height", "width", "region_area"),
}


@dataclass(frozen=True)
class Split:
    """One split: `lines` says of every sample what a manifest says, in the order of the samples."""

    folder: UPath
    index: Index
    lines: list[Line]

    @property
    def name(self) -> str:
        return self.folder.name

    def samples(self, most: int) -> Iterator[Members]:
        """Up to `most` samples, spread evenly; nothing else is read."""
        count, first = self.index.num_samples, 0
        numbers = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))
        for shard in self.index.shards:
            inside = {int(number) - first for number in numbers if first <= number < first + shard.num_samples}
            found = read_shard(self.folder / shard.name, partial(_shown, inside))
            yield from islice(found, len(inside))  # and no further than the last of them
            first += shard.num_samples


def _shown(inside: set[int], number: int, field: str) -> bool:
    return number in inside and field != LATENTS


def open_splits(folder: UPath) -> list[Split]:
    """The splits of a prepared folder, those for training first; raises `InputError` where there are none."""
    if not folder.is_dir():
        raise InputError(f"no folder at {folder}")
    if (folder / INDEX).is_file():
        raise InputError(f"{folder} is one split: name the folder that holds it, {folder.parent}")
    found = [each for each in folder.iterdir() if not each.name.startswith(".") and (each / INDEX).is_file()]
    if not found:
        why = f"; its {LEDGER} says what happened" if (folder / LEDGER).is_file() else ""
        raise InputError(f"nothing to look at in {folder}: no folder in it has an {INDEX}{why}")
    order = {name: place for place, name in enumerate(SPLITS)}
    return [open_split(each) for each in sorted(found, key=lambda each: (order.get(each.name, len(order)), each.name))]


def open_split(folder: UPath) -> Split:
    """A split with the lines of its manifest, or with what its samples say in place of one."""
    index = Index.load(folder, kind_of(folder))
    try:
        lines = read_manifest(folder)
    except ValueError as error:
        raise InputError(f"{folder / MANIFEST} has a broken line: {error}") from error
    return Split(
        folder, index, lines if lines and all(is_full(line, index.kind) for line in lines) else gather(folder, index)
    )


def kind_of(folder: UPath) -> str:
    """What samples the index announces; an index that is no index is left to `Index.load`, which says so."""
    try:
        kind = json.loads((folder / INDEX).read_text())["kind"]
    except (ValueError, TypeError, KeyError):
        return "animation"
    return kind if kind in NUMBERS else "animation"


def is_full(line: Any, kind: str) -> bool:
    """Whether a manifest's line says all that is looked at."""
    return (
        isinstance(line, dict)
        and all(isinstance(line.get(name), str) for name in ("key", "identity"))
        and all(isinstance(line.get(name), int | float) for name in NUMBERS[kind])
    )


def gather(folder: UPath, index: Index) -> list[Line]:
    """What a manifest would say, from the small members of every sample."""
    describe, fields = GATHERED[index.kind]
    shards = track(index.shards, f"no full {folder.name}/{MANIFEST}: read samples")
    found = (read_shard(folder / shard.name, lambda _, field: field in fields) for shard in shards)
    return [describe(sample) for samples in found for sample in samples]


def describe_clip(sample: Members) -> Line:
    record = decode_clip(sample | {"mp4": b""}, pictures=False)
    people = np.ones(len(record.keypoints)) if record.people is None else record.people
    return {
        "key": record.key,
        "identity": record.info.identity,
        "frames": record.info.num_frames,
        "fps": record.info.fps,
        "height": record.info.height,
        "width": record.info.width,
        "confidence": float(record.keypoints[:, BODY, 2].mean()),
        "frames_without_person": int((people == 0).sum()),
        "frames_with_several": int((people > 1).sum()),
    }


def describe_pair(sample: Members) -> Line:
    try:
        known = json.loads(sample["json"])
        line = {name: known[name] for name in ("identity", "category", "height", "width")}
        levels = decode_labels(sample["mask.png"], "its mask.png")
        line["mask_grey"] = float(((levels > 0) & (levels < 255)).mean())
        region = levels >= 128
        if "parse.png" in sample and known.get("parser") in PARSERS:
            parse = decode_labels(sample["parse.png"], "its parse.png")
            line |= region_shares(region, parse, known["parser"], known["category"])
        if "pose.json" in sample:
            line["confidence"] = float(np.array(json.loads(sample["pose.json"])["keypoints"])[BODY, 2].mean())
    except (KeyError, ValueError) as error:
        raise InputError(f"sample {sample['__key__']}: {error}") from error
    return {"key": sample["__key__"], **line, "region_area": float(region.mean())}


GATHERED: dict[str, tuple[Callable[[Members], Line], set[str]]] = {
    "animation": (describe_clip, {"json", "pose.npz"}),
    "tryon": (describe_pair, {"json", "pose.json", "mask.png", "parse.png"}),
}


def read_ledger(folder: UPath) -> tuple[list[Problem], list[str]]:
    """The ledger's lines, and those that are none, as they stand; nothing where there is no ledger."""
    path, problems, broken = folder / LEDGER, [], []
    for text in path.read_text("utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            line = json.loads(text)
            problems.append(Problem(**{name: str(value) for name, value in line.items()}))  # type: ignore[arg-type]
        except (ValueError, TypeError, AttributeError):
            broken.append(text)
    return problems, broken

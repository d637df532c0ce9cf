"""Samples that an earlier run wrote and that do not come out of the input any more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from upath import UPath

from data_prep.items import Problem
from data_prep.shards import Members, read_manifest, read_shard
from humangen.data.index import INDEX
from humangen.types import InputError

OPTIONS = "options"  # in a line of the manifest: those that a sample was made with
PICTURES = ("pictures_sha256", "person_sha256", "garment_sha256")  # in a line: what of the input a sample was made of


@dataclass(frozen=True)
class Made:
    """A sample's line in the manifest, and what gives its members when they are to be written."""

    line: dict[str, Any]
    members: Callable[[], Members]

    def made_with(self, options: dict[str, Any]) -> Made:
        return replace(self, line={**self.line, OPTIONS: options})

    @property
    def item(self) -> str:
        """The key of the item that it is of, which may be a piece of one."""
        return self.line.get("clip", self.line["key"])

    @property
    def pictures(self) -> tuple[Any, ...]:
        return tuple(self.line.get(name) for name in PICTURES)


def written(folder: UPath) -> list[Made]:
    """The samples of a split that is there."""
    lines = read_manifest(folder)
    return [Made(line, partial(stored_sample, folder, number)) for number, line in enumerate(lines)]


def stored_sample(folder: UPath, number: int) -> Members:
    """One sample out of the shards of a split, whose manifest is in their order."""
    shards = json.loads((folder / INDEX).read_text())["shards"]
    name, place = [(shard["name"], place) for shard in shards for place in range(shard["num_samples"])][number]
    for sample in read_shard(folder / name, lambda each, _: each == place):
        return sample
    raise InputError(f"{folder / name} lacks samples that it should hold: remove {folder}, and it is written anew")


def staying(
    folder: UPath, made: Mapping[str, list[Made]], found: Mapping[str, str], options: dict[str, Any]
) -> Iterator[Made]:
    """The samples of the split in `folder` that stay as they are: those of items that are gone or did not come through
    this time. What is `made` (by split) of the same item or pictures takes their place. `found` says of which split
    each item of the input is. Raises `InputError` where one could neither stay nor be made again, since it was made
    with other `options`, or its person is of another split now.
    """
    every = [each for samples in made.values() for each in samples]
    came, pictures = {each.item for each in every}, {each.pictures for each in every}
    elsewhere = {
        each.line["identity"] for split, samples in made.items() if side(split) != side(folder.name) for each in samples
    }
    for each in written(folder):
        if each.item in came or each.pictures in pictures:
            continue
        if each.line.get(OPTIONS) == options and each.line["identity"] not in elsewhere:
            if found.get(each.item, folder.name) == folder.name:
                yield each
        elif each.item not in found:
            raise InputError(
                f"{each.line['key']} of {folder} can neither stay nor be made again: it was made with other options "
                f"than these, or its person is of another split now, and {each.line['path']} is gone. Put that back, "
                f"name another --output, or remove {folder}, and the same command writes it anew"
            )


def side(split: str) -> str:
    """The split whose people these are (`test_unpaired` holds those of `test`)."""
    return split.partition("_")[0]


def stays(each: Made, split: str) -> Problem:
    reason = (
        f"{each.line['path']} is gone, or does not come through any more: what was made of it before stays in {split}. "
        f"To be rid of it, remove {split}, and the same command writes that anew"
    )
    return Problem(each.line["key"], "write", "marked", reason)

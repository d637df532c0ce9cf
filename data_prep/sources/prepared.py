"""Shards that a user prepares."""

from __future__ import annotations

from dataclasses import dataclass

from upath import UPath

from humangen.data.index import INDEX
from humangen.types import InputError


@dataclass(frozen=True)
class Prepared:
    """Shards made by `command`: what a configuration says where they are absent."""

    command: str

    def ensure(self, shards: str) -> None:
        if not (UPath(shards) / "train" / INDEX).is_file():
            raise InputError(
                f"no training shards in {shards}: make them with `{self.command}`, or name yours with data.shards=DIR"
            )

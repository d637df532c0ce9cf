"""Shards that a user prepares."""

from __future__ import annotations

from dataclasses import dataclass

from humangen.data.index import INDEX
from humangen.data.pipe import folder_of
from humangen.types import InputError


@dataclass(frozen=True)
class Prepared:
    """Shards made by `command`: what a configuration says where they are absent."""

    command: str
    split: str = "train"  # which must be there
    key: str = "data.shards"  # by which they are named

    def ensure(self, shards: str) -> None:
        if not (folder_of(shards) / self.split / INDEX).is_file():
            raise InputError(
                f"no {self.split} shards in {shards}: make them with `{self.command}`, or name yours with "
                f"{self.key}=DIR"
            )

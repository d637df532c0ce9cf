"""What lies beside the tars of one split: `index.json`, which counts and hashes them.

Folders are paths or fsspec URLs (`s3://bucket/folder`).
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from upath import UPath

from humangen.media import replacing
from humangen.types import InputError, LatentsInfo

SCHEMA_VERSION = 1
SPLITS = ("train", "val", "test")
INDEX = "index.json"
LOCAL = ("", "file", "local")  # the protocols of this machine's disks


@dataclass(frozen=True)
class Shard:
    name: str
    num_samples: int
    num_bytes: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """What `index.json` of one split's folder says; `latents` where every sample holds some."""

    kind: str
    split: str
    shards: tuple[Shard, ...]
    version: int = SCHEMA_VERSION
    latents: LatentsInfo | None = None

    @property
    def num_samples(self) -> int:
        return sum(shard.num_samples for shard in self.shards)

    def write(self, folder: Path) -> None:
        known = {name: value for name, value in asdict(self).items() if value is not None}
        with replacing(folder / INDEX) as temporary:
            temporary.write_text(json.dumps(known, indent=1) + "\n")

    @classmethod
    def load(cls, folder: str | UPath, kind: str) -> Index:
        """The index of the shards of `kind` in `folder`; raises `InputError` where they cannot be used."""
        folder = UPath(folder)
        path = folder / INDEX
        try:
            content = json.loads(path.read_text())
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InputError(
                f"no shards in {folder}: {INDEX} is not there. "
                "Write them with `python -m data_prep SOURCE --output DIR`"
            ) from error
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise InputError(f"{path} is not an index of shards")
        if content.get("version") != SCHEMA_VERSION:
            raise InputError(
                f"{path} has schema version {content.get('version')}, this program reads version {SCHEMA_VERSION}"
            )
        if content.get("kind") != kind:
            raise InputError(f"{path} holds {content.get('kind')!r} samples where {kind!r} samples are needed")
        try:
            shards = tuple(Shard(**shard) for shard in content.pop("shards"))
            latents = LatentsInfo(**content.pop("latents")) if "latents" in content else None
            index = cls(**content, shards=shards, latents=latents)
        except (KeyError, TypeError) as error:
            raise InputError(f"{path} is not an index of shards: {error}") from error
        check_here(folder, shards)
        return index


def check_here(folder: UPath, shards: tuple[Shard, ...]) -> None:
    """Raises `InputError` where a folder of this machine has not the files that its index lists. Elsewhere a question
    for each of them would take hours: they are checked as they come, see `data/cache.py`."""
    if folder.protocol not in LOCAL:
        return
    sizes = {entry.name: entry.stat().st_size for entry in os.scandir(folder.path)}
    for shard in shards:
        if shard.name not in sizes:
            raise InputError(f"{folder / INDEX} lists {shard.name}, which is not in that folder")
        if sizes[shard.name] != shard.num_bytes:
            raise InputError(f"{folder / shard.name} is not the {shard.num_bytes} bytes that {INDEX} lists")

"""Writing shards: a split appears whole, with its index, or not at all."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

import webdataset as wds

from humangen.data.index import INDEX, Index, Shard
from humangen.data.schema import ClipRecord, encode_clip
from humangen.types import InputError


def write_split(folder: Path, split: str, records: Iterable[ClipRecord], *, per_shard: int) -> Index:
    """Writes `records` as tars of `per_shard` samples into `folder`/`split`, through a temporary folder.

    The same records give the same bytes. An existing split is never overwritten.
    """
    final = folder / split
    if (final / INDEX).exists():
        raise InputError(f"{final} already holds shards; remove it or name another --output")
    partial = folder / f".{split}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    counts: list[int] = []
    writer = wds.ShardWriter(str(partial / "%06d.tar"), maxcount=per_shard, verbose=0, mtime=0, encoder=False)
    for record in records:
        writer.write(encode_clip(record))
        counts[writer.shard - 1 :] = [writer.count]
    writer.close()
    if not counts:
        raise InputError(f"nothing to write into {final}: the source gave no clip")
    index = Index(kind="animation", split=split, shards=tuple(_describe(partial, counts)))
    index.write(partial)
    partial.replace(final)
    return index


def _describe(folder: Path, counts: list[int]) -> Iterable[Shard]:
    for path, count in zip(sorted(folder.glob("*.tar")), counts, strict=True):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield Shard(path.name, count, path.stat().st_size, digest)

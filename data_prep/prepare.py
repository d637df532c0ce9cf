"""Shards of an embedded source, written where they are not there yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.progress import track

from data_prep.shards import write_split
from data_prep.sources.dancers import DancersSource
from humangen.data.index import INDEX, SPLITS


def write_source(source: DancersSource, folder: Path, *, workers: int = 2) -> None:
    """Writes the splits of `source` that `folder` does not have."""
    for split in SPLITS:
        if (folder / split / INDEX).exists():
            continue
        records = track(source.records(split, workers), f"{source.name} {split}", total=len(source.jobs(split)))
        index = write_split(folder, split, records, per_shard=64)
        print(f"{folder / split}: {index.num_samples} clips in {len(index.shards)} shards")


def ensure_shards(source: dict[str, Any] | None, shards: str) -> None:
    """Writes the shards that a data configuration's `source` describes into its own `folder`, where they are
    absent; shards anywhere else are the user's, and nothing is ever drawn there."""
    if source is not None and source["folder"] == shards:
        arguments = {key: value for key, value in source.items() if key not in ("_target_", "folder")}
        write_source(DancersSource(**arguments), Path(shards))

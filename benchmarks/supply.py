"""What a training on many GPUs asks of shards, processors, network and disks: arithmetic, nothing is measured here.

Bytes and seconds of a clip and clips in a shard are those of --shards where it is given. All else are assumptions to
put in: the seconds of a step, how many clips a loader worker makes per second (benchmarks/loader.py measures it), and
what network, store and disks can do. A rate's load is what is asked of it over what it can do; the highest is the first
bottleneck, and over 1 it is what the GPUs wait for.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

import timing
from humangen.cli.errors import reported
from humangen.data.index import Index
from humangen.data.schema import decode_clip
from humangen.data.stream import Row, Shelf, Stream, evaluation_samples, shard_order
from humangen.media import replacing

INDEX_BYTES = 150  # of a shard's entry in index.json


def parse() -> argparse.Namespace:
    parser = timing.output_parser(__doc__)
    whole, real = {"type": timing.positive}, {"type": float}
    parser.add_argument("--shards", help="train folder of real shards, for the bytes and seconds of their clips")
    parser.add_argument("--gpus", **whole, default=64, help="GPUs in all")
    parser.add_argument("--per-node", **whole, default=8, help="GPUs in a node")
    parser.add_argument("--hours", **real, default=10_000, help="of video")
    parser.add_argument("--clip-seconds", **real, default=10.0, help="of video in a clip")
    parser.add_argument(
        "--clip-bytes",
        **real,
        default=4.4e6,
        help="of a clip in a shard, pose and all; so much a UBC video of 512x668 at 30 fps takes",
    )
    parser.add_argument("--per-shard", **whole, default=64, help="clips in a shard")
    parser.add_argument("--batch", **whole, default=8, help="clips per GPU and step")
    parser.add_argument("--step-seconds", **real, default=1.0, help="of a training step")
    parser.add_argument("--workers", **whole, default=8, help="loader workers per GPU")
    parser.add_argument("--worker-clips", **real, default=14.0, help="clips that a loader worker makes per second")
    parser.add_argument("--buffer", **whole, default=256, help="data.shuffle_buffer, clips per worker")
    parser.add_argument("--cache", **real, default=1000.0, help="data.cache_gb of a node, 1e9 bytes")
    parser.add_argument("--network", **real, default=25.0, help="of a node, 1e9 bits per second")
    parser.add_argument("--store", **real, default=10.0, help="of the store that all nodes read, 1e9 bytes per second")
    parser.add_argument("--disk", **real, default=3.0, help="of a node, written and read, 1e9 bytes per second")
    return parser.parse_args()


def measured(options: argparse.Namespace) -> None:
    """Takes bytes and seconds of a clip, and clips in a shard, from real shards."""
    index = Index.load(options.shards, "animation")
    infos = [decode_clip(sample, pictures=False).info for sample in evaluation_samples(Shelf(options.shards, index))]
    options.clip_seconds = sum(info.num_frames / info.fps for info in infos) / len(infos)
    options.clip_bytes = sum(shard.num_bytes for shard in index.shards) / len(infos)


@dataclass(frozen=True)
class Rate:
    """What is asked of a part and what it can do, in `unit`."""

    asked: float
    able: float
    unit: str

    @property
    def load(self) -> float:
        return self.asked / self.able


def opened(shards: int, per_shard: int, streams: int) -> int:
    """How often a shard is opened in an epoch, by the loader's own assignment."""
    row = Row([per_shard] * shards, shard_order(shards, seed=0, epoch=0))
    parts = (row.ids(Stream(index, streams).share(shards * per_shard)) for index in range(streams))
    return sum(len({shard for shard, _ in ids}) for ids in parts)


def account(given: argparse.Namespace) -> tuple[dict[str, tuple[str, str]], dict[str, Rate]]:
    """Lines (figure, how it comes about) by name, and the rates."""
    nodes, streams = -(-given.gpus // given.per_node), given.gpus * given.workers * given.batch
    clips = round(given.hours * 3600 / given.clip_seconds)
    shards = -(-clips // given.per_shard)
    total, shard_bytes = clips * given.clip_bytes, given.per_shard * given.clip_bytes
    opens = opened(shards, given.per_shard, streams)
    steps = clips / (given.gpus * given.batch)
    asked = given.gpus * given.batch / given.step_seconds  # clips per second
    read = opens * shard_bytes / (steps * given.step_seconds)  # bytes per second, whole shards
    held = given.per_node * given.workers * given.buffer * given.clip_bytes
    network = given.network / 8 * 1e9
    lines = {
        "clips": (f"{clips:,}", f"{given.hours:,g} h x 3600 s / {given.clip_seconds:g} s"),
        "bytes": (f"{total / 1e12:.2f} TB", f"{given.clip_bytes / 1e6:.2f} MB a clip"),
        "shards": (f"{shards:,}", f"{given.per_shard} clips, {shard_bytes / 1e6:.0f} MB each"),
        "index.json": (f"{shards * INDEX_BYTES / 1e6:.1f} MB", "read once by every rank"),
        "streams": (
            f"{streams:,}",
            f"{given.gpus} ranks (nodes: {nodes}) x {given.workers} workers x {given.batch} in a batch",
        ),
        "clips a stream": (f"{clips // streams:,} or {clips // streams + 1:,}", "in an epoch"),
        "shards opened": (f"{opens:,}", f"{opens / shards:.3f} times each: at the ends of a stream's part in part"),
        "epoch": (
            f"{steps * given.step_seconds / 3600:.2f} h",
            f"{steps:,.0f} steps of {given.gpus} x {given.batch} clips, {given.step_seconds:g} s",
        ),
        "memory of a node": (f"{held / 1e9:.1f} GB", f"{given.buffer} clips in each worker's shuffle buffer"),
        "first batch after": (f"{held / network:.0f} s", "those buffers through a node's network"),
        "cache": (
            f"{min(1.0, given.cache * 1e9 / total):.0%}",
            f"of a later epoch at most: {given.cache:,g} GB a node of all {total / 1e12:.2f} TB, shuffled over nodes",
        ),
    }
    rates = {
        "decoding, a GPU": Rate(asked / given.gpus, given.workers * given.worker_clips, "clips/s"),
        "network, a node": Rate(read / nodes / 1e9, network / 1e9, "GB/s"),
        "store, all nodes": Rate(read / 1e9, given.store, "GB/s"),
        "disk, a node": Rate(2 * read / nodes / 1e9, given.disk, "GB/s"),
    }
    return lines, rates


def show(lines: dict[str, tuple[str, str]], rates: dict[str, Rate], options: argparse.Namespace) -> None:
    console, table = Console(width=120), Table("", "", "")
    for name, figures in lines.items():
        table.add_row(name, *figures)
    console.print(table)
    table = Table("rate", "asked", "able", "load")
    for name, rate in rates.items():
        table.add_row(name, f"{rate.asked:.2f} {rate.unit}", f"{rate.able:.2f} {rate.unit}", f"{rate.load:.2f}")
    console.print(table)
    first = max(rates, key=lambda name: rates[name].load)
    shortest = options.step_seconds * rates[first].load
    console.print(f"the first bottleneck: {first}; the GPUs wait for it where a step takes less than {shortest:.2f} s")


@reported
def main() -> None:
    options = parse()
    if options.shards:
        measured(options)
    lines, rates = account(options)
    show(lines, rates, options)
    if options.output:
        found: dict[str, Any] = {
            "arguments": {name: value for name, value in vars(options).items() if name != "output"},
            "figures": {name: figure for name, (figure, _) in lines.items()},
            "rates": {
                name: {"asked": rate.asked, "able": rate.able, "load": rate.load} for name, rate in rates.items()
            },
        }
        with replacing(options.output) as temporary:
            temporary.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""How fast one loader worker makes training examples, against decoding the same clips and nothing else.

`decode` opens each clip's video in memory and decodes the frames that an example needs. `workers_0` is the
loader inside the process, `workers_1` one worker process: reading shards, decoding, framing, drawing poses.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch

import timing
from humangen.cli.errors import reported
from humangen.data.animation import AnimationData
from humangen.data.clips import ClipSampler, PairSampler, WindowSampler
from humangen.data.framing import Framing
from humangen.data.index import Index
from humangen.data.schema import ClipRecord, decode_clip
from humangen.data.stream import Stream, evaluation_samples

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")


def parse() -> argparse.Namespace:
    parser = timing.parser(__doc__, repeats=5)
    parser.add_argument("--shards", type=Path, help="folder with train shards; without it dancers are drawn")
    parser.add_argument("--clips", type=timing.positive, default=128, help="clips to draw where --shards is not given")
    parser.add_argument("--size", type=timing.positive, default=128, help="side of the pictures in pixels")
    parser.add_argument("--frames", type=timing.positive, default=1, help="frames per example besides the reference")
    parser.add_argument("--batch", type=timing.positive, default=4, help="clips per batch")
    parser.add_argument("--batches", type=timing.positive, default=16, help="batches that are timed in each round")
    return parser.parse_args()


def write_dancers(folder: Path, options: argparse.Namespace) -> None:
    """Dancers shards by the project's own command, in one process."""
    command = [
        sys.executable,
        "-m",
        "data_prep",
        "dancers",
        "--output",
        str(folder.resolve()),
        "--workers",
        "1",
    ]
    sizes = ["--people", str(options.clips), "--held-out", "1", "--size", str(options.size)]
    subprocess.run([*command, *sizes], cwd=ROOT, check=True)


def loading_seconds(data: AnimationData, num_workers: int, batches: int) -> float:
    """Seconds for `batches` batches. The first one is not timed: workers start and buffers fill before it."""
    data.num_workers = num_workers
    loader = iter(data.train_dataloader())
    next(loader)
    return timing.timed(lambda: [next(loader) for _ in range(batches)], CPU)


def decode(records: list[ClipRecord], sampler: ClipSampler) -> None:
    """Decodes the frames of one example of each clip."""
    random = np.random.default_rng(0)
    for record in records:
        choice = sampler(record.info.num_frames, record.info.fps, random)
        record.open().frames(choice.frames)


def compare(options: argparse.Namespace, folder: Path) -> dict[str, timing.Row]:
    """The rows of all variants on the shards in `folder`."""
    sampler: ClipSampler
    sampler = PairSampler() if options.frames == 1 else WindowSampler(num_frames=options.frames, fps=8)
    framing = Framing(height=options.size, width=options.size)
    data = AnimationData(
        shards=str(folder),
        batch_size=options.batch,
        eval_batch_size=options.batch,
        seed=0,
        shuffle_buffer=32,
        train_sampler=sampler,
        eval_sampler=sampler,
        train_framing=framing,
        eval_framing=framing,
    )
    count = options.batch * options.batches
    samples = evaluation_samples(folder / "train", Index.load(folder / "train", data.kind), Stream())
    stored = [decode_clip(sample) for sample in itertools.islice(samples, count)]
    records = list(itertools.islice(itertools.cycle(stored), count))
    variants = {"decode": partial(timing.timed, partial(decode, records, sampler), CPU)}
    for workers in (0, 1):
        variants[f"workers_{workers}"] = partial(loading_seconds, data, workers, options.batches)
    rows = timing.measure(variants, baseline="decode", repeats=options.repeats, warmup=options.warmup)
    for row in rows.values():
        row["clips_per_second"] = count / row["seconds"]
    return rows


@reported
def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.shards or Path(temporary)
        if options.shards is None:
            write_dancers(folder, options)
        rows = compare(options, folder)
    timing.report(options, rows, name="loader", baseline="decode", device=CPU)


if __name__ == "__main__":
    main()

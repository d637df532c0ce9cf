"""How fast one loader worker makes training examples, against decoding the same clips and nothing else.

`decord`, `pyav` and, where it is installed, `torchcodec` decode the frames that an example needs, from memory, in one
thread; ratios are to the fastest of them, so that a loader at 0.85 of its speed has ratio 1.18. `workers_0` is the
loader inside the process, `workers_1`, `workers_2` ... are so many worker processes (--workers): reading shards,
decoding, framing, drawing poses, up to the bytes that travel to the device. `latents` is one worker process on the
same clips with their latents.
A clip is one example: a reference and --frames frames behind one another, and the pose of each.
"""

from __future__ import annotations

import argparse
import io
import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import av
import numpy as np
import torch

import timing
from humangen.cli.errors import reported
from humangen.data.animation import AnimationData
from humangen.data.clips import ClipSampler, PairSampler, WindowSampler
from humangen.data.framing import Framing
from humangen.data.index import Index
from humangen.data.schema import ClipRecord, decode_clip
from humangen.data.stream import Shelf, evaluation_samples

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")

Decode = Callable[[bytes, list[int]], np.ndarray]  # (video, sorted frame numbers) -> uint8 frames


def parse() -> argparse.Namespace:
    parser = timing.parser(__doc__, repeats=5)
    parser.add_argument("--shards", type=Path, help="folder with train shards; without it dancers are drawn")
    parser.add_argument("--clips", type=timing.positive, default=128, help="clips to draw where --shards is not given")
    parser.add_argument("--size", type=timing.positive, default=128, help="side of the pictures in pixels")
    parser.add_argument("--frames", type=timing.positive, default=1, help="frames per example besides the reference")
    parser.add_argument("--batch", type=timing.positive, default=4, help="clips per batch")
    parser.add_argument("--batches", type=timing.positive, default=16, help="batches that are timed in each round")
    parser.add_argument("--workers", type=timing.positive, nargs="+", default=[1, 2, 4], help="loader processes")
    return parser.parse_args()


def prepare(*arguments: object) -> None:
    """Shards by the project's own command."""
    command = [sys.executable, "-m", "data_prep", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True)


def write_dancers(folder: Path, options: argparse.Namespace) -> None:
    numbers = ["--people", options.clips, "--held-out", 1, "--frames", max(16, options.frames + 1), "--workers", 1]
    prepare("dancers", "--output", folder.resolve(), "--size", options.size, *numbers)


def write_latents(shards: Path, folder: Path, count: int, size: int) -> None:
    """The first shards of train, until they hold `count` clips, with latents of the dancers' codec."""
    index = Index.load(shards / "train", "animation")
    held = list(itertools.accumulate(shard.num_samples for shard in index.shards))
    chosen = [shard for shard, total in zip(index.shards, held, strict=True) if total - shard.num_samples < count]
    with tempfile.TemporaryDirectory() as temporary:
        part = Path(temporary) / "train"
        part.mkdir()
        for shard in chosen:
            shutil.copy(shards / "train" / shard.name, part)
        replace(index, shards=tuple(chosen)).write(part)
        prepare("latents", "--input", temporary, "--output", folder.resolve(), "--codec", "dancers", "--size", size)


def with_decord(video: bytes, numbers: list[int]) -> np.ndarray:
    import decord

    return decord.VideoReader(io.BytesIO(video), num_threads=1).get_batch(numbers).asnumpy()


def with_pyav(video: bytes, numbers: list[int]) -> np.ndarray:
    with av.open(io.BytesIO(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        rate, base = stream.average_rate, stream.time_base
        container.seek(int(numbers[0] / rate / base), stream=stream)  # to the keyframe before it
        wanted, found = set(numbers), []
        for frame in container.decode(stream):
            number = round(frame.pts * base * rate)
            if number in wanted:
                found.append(frame.to_ndarray(format="rgb24"))
            if number >= numbers[-1]:
                break
    return np.stack(found)


def with_torchcodec(video: bytes, numbers: list[int]) -> np.ndarray:
    from torchcodec.decoders import VideoDecoder

    return VideoDecoder(video, num_ffmpeg_threads=1, dimension_order="NHWC").get_frames_at(numbers).data.numpy()


def decoders(record: ClipRecord) -> dict[str, Decode]:
    """The decoders that are there and give all frames of `record`."""
    found: dict[str, Decode] = {"decord": with_decord, "pyav": with_pyav}
    try:
        with_torchcodec(record.video, [0])
        found["torchcodec"] = with_torchcodec
    except (ImportError, RuntimeError, OSError) as error:  # not there, or without its FFmpeg
        print(f"torchcodec is left out: {str(error).splitlines()[0]}")
    numbers = list(range(record.info.num_frames))
    assert len({decode(record.video, numbers).shape for decode in found.values()}) == 1
    return found


def decode_all(decode: Decode, records: list[ClipRecord], sampler: ClipSampler) -> None:
    """Decodes the frames of one example of each clip."""
    random = np.random.default_rng(0)
    for record in records:
        choice = sampler(record.usable, record.info.fps, random)
        decode(record.video, sorted(set(choice.frames)))


def loading_seconds(data: AnimationData, num_workers: int, batches: int) -> float:
    """Seconds for `batches` batches. The first one is not timed: workers start and buffers fill before it."""
    data.num_workers = num_workers
    loader = iter(data.train_dataloader())
    next(loader)
    return timing.timed(lambda: [next(loader) for _ in range(batches)], CPU)


def compare(options: argparse.Namespace, folder: Path, latents: Path) -> tuple[dict[str, timing.Row], str]:
    """The rows of all variants, and the name of the fastest decoder."""
    sampler: ClipSampler
    sampler = PairSampler() if options.frames == 1 else WindowSampler(num_frames=options.frames, fps=8)
    framing = Framing(height=options.size, width=options.size)
    shared = {"batch_size": options.batch, "eval_batch_size": options.batch, "seed": 0, "shuffle_buffer": 32,
              "train_sampler": sampler, "eval_sampler": sampler,
              "train_framing": framing, "eval_framing": framing}  # fmt: skip
    data, encoded = (AnimationData(shards=str(place), **shared) for place in (folder, latents))
    count = options.batch * options.batches
    samples = evaluation_samples(Shelf(folder / "train", Index.load(folder / "train", data.kind)))
    stored = [decode_clip(sample) for sample in itertools.islice(samples, count)]
    records = list(itertools.islice(itertools.cycle(stored), count))
    decoding = {
        name: partial(timing.timed, partial(decode_all, decode, records, sampler), CPU)
        for name, decode in decoders(records[0]).items()
    }
    fastest = min(decoding, key=lambda name: min(decoding[name]() for _ in range(2)))
    loading = {
        f"workers_{workers}": partial(loading_seconds, data, workers, options.batches)
        for workers in (0, *options.workers)
    }
    loading["latents"] = partial(loading_seconds, encoded, 1, options.batches)
    variants = decoding | loading
    rows = timing.measure(variants, baseline=fastest, repeats=options.repeats, warmup=options.warmup)
    for row in rows.values():
        row["clips_per_second"] = count / row["seconds"]
    return rows, fastest


@reported
def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as temporary:
        drawn, latents = Path(temporary) / "dancers", Path(temporary) / "latents"
        folder = options.shards or drawn
        if options.shards is None:
            write_dancers(folder, options)
        write_latents(folder, latents, options.batch * options.batches, options.size)
        rows, fastest = compare(options, folder, latents)
    timing.report(options, rows, name="loader", baseline=fastest, device=CPU)


if __name__ == "__main__":
    main()

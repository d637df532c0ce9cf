"""How many frames a second each stage of data_prep works off, on one core, against decoding the same video.

The video is one of your own, or a drawn dancer. `person` and `pose` are those of the embedded estimator.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import torch

import timing
from data_prep.clips import Options, Piece, clip_stages, pieces
from data_prep.frames import VideoFrames
from data_prep.items import RawClip
from data_prep.work import Work
from humangen.cli.errors import reported
from humangen.data.dancers import render_clip
from humangen.media import write_video
from humangen.types import InputError

CPU = torch.device("cpu")


def parse() -> argparse.Namespace:
    parser = timing.parser(__doc__, repeats=3)
    parser.add_argument("--video", type=Path, help="a video; without it a dancer of 512x512 is drawn")
    parser.add_argument("--frames", type=timing.positive, default=32, help="frames to draw")
    parser.add_argument("--size", type=timing.positive, help="shorter side of what is stored")
    return parser.parse_args()


def compare(options: argparse.Namespace, folder: Path) -> dict[str, timing.Row]:
    """The rows of all stages on one video."""
    video = options.video or folder / "dancer.mp4"
    if options.video is None:
        write_video(video, render_clip(1, 1, options.frames, 24.0, 512, 512).frames, 24.0)
    elif not video.is_file():
        raise InputError(f"no video at {video}")
    work, clip = Work(folder / "work"), RawClip("clip", "someone", "train", video.name, VideoFrames(video))
    early, late = clip_stages(Options(size=options.size))
    for stage in early:
        work.write(stage.name, clip.key, stage.result(clip, work))
    piece = max(pieces([clip], work), key=lambda each: each.stop - each.start)
    variants: dict[str, Callable[[], float]] = {"decode": partial(timing.timed, partial(decode, piece), CPU)}
    for stage, job in [*((stage, clip) for stage in early), *((stage, piece) for stage in late)]:
        work.write(stage.name, job.key, stage.result(job, work))  # the next one reads it
        variants[stage.name] = partial(timing.timed, partial(stage.result, job, work), CPU)
    rows = timing.measure(variants, baseline="decode", repeats=options.repeats, warmup=options.warmup)
    whole = work.json("probe", clip.key)["num_frames"]
    for name, row in rows.items():
        row["frames_per_second"] = (whole if name in ("probe", "cut") else piece.stop - piece.start) / row["seconds"]
    return rows


def decode(piece: Piece) -> None:
    for _ in piece.pictures():
        pass


@reported
def main() -> None:
    options = parse()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        rows = compare(options, Path(temporary))
    timing.report(options, rows, name="prep", baseline="decode", device=CPU)


if __name__ == "__main__":
    main()

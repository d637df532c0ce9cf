"""Peak memory and time of painting a long video against a short one, each in a process of its own.

Memory should not grow with the length, and time should grow in proportion.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

import timing
from humangen.checkpoint import load_pipeline
from humangen.cli.errors import reported
from humangen.diffusion.sample import Sampler
from humangen.evaluation import peak_memory_gb
from humangen.inference.animate import Drive, stream
from humangen.inference.poses import KeypointPoses, dance
from humangen.media import to_tensor, to_uint8, write_video

CPU = torch.device("cpu")


def parse() -> argparse.Namespace:
    parser = timing.parser(__doc__, repeats=1)
    parser.add_argument("--checkpoint", default="shipped", help="run, checkpoint or weights folder")
    parser.add_argument("--size", type=timing.positive, default=128, help="side of the pictures in pixels")
    parser.add_argument("--lengths", type=timing.positive, nargs="+", default=[200, 2000], help="frames")
    parser.add_argument("--steps", type=timing.positive, default=2, help="sampling steps")
    parser.add_argument("--measure", type=timing.positive, help=argparse.SUPPRESS)  # this process is the measured one
    return parser.parse_args()


def paint(options: argparse.Namespace) -> dict[str, float]:
    """Paints one video of `options.measure` frames into a file."""
    pipeline, side = load_pipeline(options.checkpoint), options.size
    keypoints = dance("7", side, side, 64)
    poses = KeypointPoses(keypoints[torch.arange(options.measure) % 64], side, side)
    picture = torch.zeros(1, 3, side, side)
    with torch.inference_mode():
        reference = pipeline.encode_reference(picture, picture)
    drive = Drive(lambda frames: (to_tensor(poses.draw(frames))[None] + 1) / 2, options.measure, reference.tokens)
    pieces = stream(pipeline, reference, drive, keys=["clip"], sampler=Sampler(num_steps=options.steps))
    with tempfile.TemporaryDirectory() as folder:
        frames = (frame for piece in pieces for frame in to_uint8(piece[0]))
        seconds = timing.timed(lambda: write_video(Path(folder) / "video.mp4", frames, 8.0), CPU)
    return {"seconds": seconds, "peak_bytes": 1e9 * peak_memory_gb(), "frames_per_second": options.measure / seconds}


def measured(options: argparse.Namespace, length: int) -> dict[str, float]:
    """`paint` in a process of its own: the peak of a process never falls."""
    words = ["--measure", length, "--size", options.size, "--steps", options.steps, "--checkpoint", options.checkpoint]
    process = subprocess.run(
        [sys.executable, __file__, *map(str, words)], stdout=subprocess.PIPE, check=True, text=True
    )
    return json.loads(process.stdout.splitlines()[-1])


@reported
def main() -> None:
    options = parse()
    if options.measure:
        print(json.dumps(paint(options)))
        return
    rows = {str(length): measured(options, length) for length in options.lengths}
    first = next(iter(rows))
    for row in rows.values():
        row["ratio"] = rows[first]["frames_per_second"] / row["frames_per_second"]  # of the time for one frame
    timing.report(options, rows, name="length", baseline=first, device=CPU)


if __name__ == "__main__":
    main()

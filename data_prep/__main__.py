"""`python -m data_prep SOURCE --output DIR`: raw data to shards."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from data_prep.prepare import write_source
from data_prep.sources.dancers import DancersSource
from humangen.data.dancers.draw import SMALLEST
from humangen.data.index import INDEX, SPLITS
from humangen.types import InputError


def size(text: str) -> tuple[int, int]:
    """`128` or `HEIGHTxWIDTH` -> (height, width)."""
    height, _, width = text.partition("x")
    return int(height), int(width or height)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m data_prep", description=__doc__)
    sources = top.add_subparsers(dest="source", required=True, metavar="SOURCE")
    dancers = sources.add_parser(
        "dancers",
        help="the embedded synthetic dancers",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    dancers.add_argument("--output", type=Path, required=True, help="folder that gets train, val and test")
    dancers.add_argument("--people", type=int, default=200, help="people in train")
    dancers.add_argument("--held-out", type=int, default=64, help="people in val, and as many others in test")
    dancers.add_argument("--clips", type=int, default=1, help="dances per person")
    dancers.add_argument("--size", type=size, default=(128, 128), help="SIDE or HEIGHTxWIDTH in pixels")
    dancers.add_argument("--frames", type=int, default=16, help="frames per clip")
    dancers.add_argument("--fps", type=float, default=8.0, help="frames per second")
    dancers.add_argument("--workers", type=int, default=2, help="processes that draw")
    return top


def write_dancers(options: argparse.Namespace) -> None:
    taken = [split for split in SPLITS if (options.output / split / INDEX).exists()]
    if taken:
        raise InputError(f"{options.output / taken[0]} already holds shards; remove it or name another --output")
    height, width = options.size
    if min(options.people, options.held_out, options.clips, options.frames, options.fps) <= 0:
        raise InputError("--people, --held-out, --clips, --frames and --fps must be positive")
    if options.clips > 100:
        raise InputError("--clips must be 100 at most: a dance's seed is the person's times 100 plus its number")
    if min(height, width) < SMALLEST:
        raise InputError(f"--size {height}x{width} is too small: a drawing needs {SMALLEST} pixels on each side")
    source = DancersSource(
        people=options.people,
        held_out=options.held_out,
        clips=options.clips,
        height=height,
        width=width,
        num_frames=options.frames,
        fps=options.fps,
    )
    write_source(source, options.output, workers=options.workers)


def main() -> int:
    options = parser().parse_args()
    try:
        write_dancers(options)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

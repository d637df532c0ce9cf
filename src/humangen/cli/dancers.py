"""Draws a dancer as a reference picture, and a dance as keypoints, to try `humangen animate` with."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from humangen.cli.errors import positive
from humangen.data.dancers import Dance, Dancer, draw
from humangen.media import contact_sheet, replacing, write_picture
from humangen.pose.draw import draw_poses


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default=Path("dancer"), help="folder to write into")
    parser.add_argument("--person", type=int, default=2_000_000, help="seed of the person; from 2000000 on held out")
    parser.add_argument("--dance", type=int, default=7, help="seed of the dance")
    parser.add_argument("--size", type=int, nargs=2, default=(128, 128), metavar=("HEIGHT", "WIDTH"), help="pixels")
    parser.add_argument("--frames", type=positive(int), default=16, help="frames of the dance")
    parser.add_argument("--fps", type=positive(float), default=8.0, help="frames per second of the dance")


def run(options: argparse.Namespace) -> None:
    height, width = options.size
    person = Dancer.from_seed(options.person)
    standing = draw(person, Dance.from_seed(options.person), 0.0, height, width)
    dance = Dance.from_seed(options.dance)
    drawings = [draw(person, dance, frame / options.fps, height, width) for frame in range(options.frames)]
    keypoints = np.stack([drawing.keypoints for drawing in drawings])
    write_picture(options.output / "reference.png", standing.picture)
    for name, values in (("reference", standing.keypoints[None]), ("dance", keypoints)):
        with replacing(options.output / f"{name}.npz") as temporary:
            np.savez_compressed(temporary, keypoints=values)
    poses = draw_poses(keypoints, height, width)
    write_picture(options.output / "sheet.png", contact_sheet([[standing.picture, *poses[:8]]]))
    print(
        f"{options.output}: reference.png, reference.npz, dance.npz, sheet.png\n"
        f"humangen animate --reference {options.output}/reference.png "
        f"--reference-pose {options.output}/reference.npz --poses {options.output}/dance.npz "
        f"--output {options.output}/animated.mp4"
    )

"""Draws dancers to try with: a reference and a dance for `humangen animate`, a person and a garment for `tryon`."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np

from humangen.cli.errors import positive, seed
from humangen.data.dancers import Dance, Dancer, draw, draw_closeup, draw_flat_garment
from humangen.media import contact_sheet, replacing, write_picture
from humangen.pose.draw import draw_poses


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default=Path("dancer"), help="folder to write into")
    parser.add_argument("--person", type=seed, default=2_000_000, help="seed of the person; from 2000000 on held out")
    parser.add_argument("--dance", type=seed, default=7, help="seed of the dance")
    parser.add_argument(
        "--size", type=positive(int), nargs=2, default=(128, 128), metavar=("HEIGHT", "WIDTH"), help="pixels"
    )
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
    draw_outfit(options, person, dance)
    poses = draw_poses(keypoints, height, width)
    write_picture(options.output / "sheet.png", contact_sheet([[standing.picture, *poses[:8]]]))
    out = options.output
    print(
        f"{out}: reference.png, reference.npz, dance.npz, sheet.png, person.png, person.npz, mask.png, garment.png\n"
        f"humangen animate --reference {out}/reference.png --reference-pose {out}/reference.npz "
        f"--poses {out}/dance.npz --output {out}/animated.mp4\n"
        f"humangen tryon --person {out}/person.png --pose {out}/person.npz --mask {out}/mask.png "
        f"--garment {out}/garment.png --output {out}/dressed.png"
    )


def draw_outfit(options: argparse.Namespace, person: Dancer, dance: Dance) -> None:
    """The person close up, and the next dancer's top of the same kind."""
    seen = draw_closeup(person, dance, 0.0, *options.size)
    others = map(Dancer.from_seed, itertools.count(options.person + 1))
    other = next(dancer for dancer in others if dancer.top.is_dress == person.top.is_dress)
    write_picture(options.output / "person.png", seen.picture)
    write_picture(options.output / "mask.png", seen.region.astype(np.uint8) * 255)
    write_picture(options.output / "garment.png", draw_flat_garment(other, *options.size))
    with replacing(options.output / "person.npz") as temporary:
        np.savez_compressed(temporary, keypoints=seen.keypoints[None])

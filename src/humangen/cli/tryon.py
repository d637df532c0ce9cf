"""Paints people in garments: one picture, every garment on every person, or a list of pairs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import Progress

from humangen.checkpoint import find, load, load_sampler
from humangen.cli.errors import Report, positive
from humangen.cli.fitting_room import FittingRoom
from humangen.cli.options import add_checkpoint, add_painting, add_speed, guidance_of, pipeline_of, size_of, speed_up
from humangen.cli.outputs import check_output, identities
from humangen.data.parsers import PARSERS
from humangen.data.schema import CATEGORIES
from humangen.diffusion.sample import Sampler
from humangen.inference.composite import COMPOSITES
from humangen.inference.dresser import Dresser
from humangen.inference.finished import Settings, digest, is_finished, write_finished
from humangen.inference.outfits import Beside, Outfit, combinations, read_pairs, together, told_apart
from humangen.inference.people import MASKS, PARSES, POSES, Wardrobe
from humangen.media import PICTURE_SUFFIXES
from humangen.models.speed import precision_on
from humangen.models.tryon import TryOnPipeline
from humangen.pose.draw import PARTS
from humangen.types import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, default="shipped_tryon")
    add_inputs(parser)
    parser.add_argument("--output", type=Path, required=True, help=".png to write, or folder for PERSON+GARMENT.png")
    parser.add_argument("--overwrite", action="store_true", help="paint again what is there with other settings")
    parser.add_argument("--composite", choices=COMPOSITES, default="feather_out", help=COMPOSITE_HELP)
    add_painting(parser)
    parser.add_argument("--solver", help="ddim, dpm, lcm, or euler for flow models (default: as the checkpoint says)")
    parser.add_argument("--batch", type=positive(int), default=4, help="pictures painted at once")
    add_speed(parser)


def add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--person", type=Path, nargs="+", required=True, help="pictures of people, or folders of them")
    parser.add_argument("--garment", type=Path, nargs="+", required=True, help="pictures of garments, or folders")
    parser.add_argument("--pairs", type=Path, help="list of `person garment`, names in the two folders (default: all)")
    parser.add_argument("--mask", type=Path, help="what to paint is white; a file, or a folder with one a person")
    parser.add_argument("--parse", type=Path, help="parse map to draw the region from, label numbers; likewise")
    parser.add_argument("--pose", type=Path, help="OpenPose .json or keypoints .npz of the person; likewise")
    parser.add_argument(
        "--rectangle", type=int, nargs=4, metavar=("LEFT", "TOP", "RIGHT", "BOTTOM"), help="what to paint, in pixels"
    )
    parser.add_argument("--parser", choices=sorted(PARSERS), default="cihp", help="whose labels a parse map has")
    parser.add_argument("--category", choices=CATEGORIES, default="upper", help="what a parse map's region is for")


COMPOSITE_HELP = (
    "none: all of what the network paints; hard: the region alone; feather_out: blended around the region, never in it"
)

NO_POSE = (
    "note: there is no --pose: in training the network always had the person's pose, and without one it paints worse. "
    "Make it with `python -m data_prep pose --input me.jpg --output me.npz`, and give --pose me.npz"
)


class Wanted:
    """The pictures that are asked for: where they go, and what each is painted with."""

    def __init__(self, options: argparse.Namespace, wardrobe: Wardrobe, settings: Settings, count: int) -> None:
        self.output, self.overwrite = options.output, options.overwrite
        self.wardrobe, self.settings = wardrobe, settings
        self.file = self.output.suffix.lower() in PICTURE_SUFFIXES and not self.output.is_dir()
        if self.file and self.output.suffix.lower() != ".png":
            raise InputError(f"--output {self.output} must end in .png, which keeps pixels as they are, or be a folder")
        if self.file and count > 1:
            raise InputError(f"--output {self.output} is one picture, and {count} are to be painted: name a folder")

    def path(self, outfit: Outfit) -> Path:
        return self.output if self.file else self.output / f"{outfit.key}.png"

    def files_of(self, outfit: Outfit) -> dict[str, Path]:
        """What a picture is painted from."""
        files = {"person": outfit.person, "garment": outfit.garment}
        return files | {name: kind.of(outfit.person) for name, kind in self.wardrobe.files.items()}

    def settings_of(self, outfit: Outfit) -> Settings:
        return self.settings | {name: digest(file) for name, file in self.files_of(outfit).items()}

    def is_there(self, outfit: Outfit) -> bool:
        path = self.path(outfit)
        return path.exists() and not self.overwrite and is_finished(path, self.settings_of(outfit))

    def write(self, outfit: Outfit, pixels: np.ndarray) -> None:
        write_finished(self.path(outfit), pixels, self.settings_of(outfit))


def run(options: argparse.Namespace) -> None:
    began = time.perf_counter()
    wardrobe = wardrobe_of(options)
    outfits, faults = outfits_of(options)
    count = len(outfits) + len(faults)
    report = Report(alone=count == 1)
    for kind in wardrobe.files.values():
        kind.check_alone(outfit.person for outfit in outfits)
    wanted = Wanted(options, wardrobe, settings_of(options), count)
    for fault in faults:
        report.fail(fault)
    waiting = []
    read = identities(files_read(options, wanted, outfits))
    for outfit in outfits:
        with report.of(outfit.place):
            if not wanted.is_there(outfit):
                check_output(wanted.path(outfit), read)
                waiting.append(outfit)
    there = count - report.failed - len(waiting)
    if waiting:
        paint(options, wanted, waiting, report)
    painted = count - report.failed - there
    seconds = time.perf_counter() - began
    already = f", {there} were there" if there else ""
    print(f"{options.output}: {painted} painted{already} ({seconds:.1f} s with {find(options.checkpoint)})")
    if report.failed:
        raise InputError(f"{report.failed} of {count} pictures could not be painted, for the reasons above")


def files_read(options: argparse.Namespace, wanted: Wanted, outfits: Sequence[Outfit]) -> Iterator[Path]:
    """All that is read for any of the pictures; what is missing is told where it is looked for."""
    if options.pairs:
        yield options.pairs
    for outfit in outfits:
        with suppress(InputError):
            yield from wanted.files_of(outfit).values()


def wardrobe_of(options: argparse.Namespace) -> Wardrobe:
    return Wardrobe(
        mask=options.mask and Beside(options.mask, *MASKS),
        parse=options.parse and Beside(options.parse, *PARSES),
        pose=options.pose and Beside(options.pose, *POSES),
        rectangle=options.rectangle and tuple(options.rectangle),
        parser=options.parser,
        category=options.category,
    )


def outfits_of(options: argparse.Namespace) -> tuple[list[Outfit], list[str]]:
    """What is to be painted, and what is wrong with the rest of the list."""
    if options.pairs is None:
        return told_apart(combinations(options.person, options.garment))
    for given in (options.person, options.garment):
        if len(given) != 1 or not given[0].is_dir():
            raise InputError("--pairs names files in two folders: --person and --garment must be one folder each")
    listed, faults = read_pairs(options.pairs, options.person[0], options.garment[0])
    outfits, doubles = told_apart(listed)
    return outfits, faults + doubles


def settings_of(options: argparse.Namespace) -> Settings:
    """What all pictures are painted with, but for the files that are their own."""
    regions = {"rectangle": options.rectangle}
    if options.parse is not None:
        regions = {"parser": options.parser, "category": options.category}
    return {
        "checkpoint": digest(find(options.checkpoint)),
        "sampler": asdict(sampler_of(options)),
        "precision": precision_on(options.device, options.precision),
        "size": list(size_of(options)),
        "guidance": guidance_of(options),
        "seed": options.seed,
        "composite": options.composite,
        **regions,
    }


def sampler_of(options: argparse.Namespace) -> Sampler:
    return load_sampler(options.checkpoint, solver=options.solver, num_steps=options.steps)


def paint(options: argparse.Namespace, wanted: Wanted, outfits: Sequence[Outfit], report: Report) -> None:
    """All of them, as many at once as are asked for; one that cannot be read is told, and the others go on."""
    if options.pose is None:
        report.say(NO_POSE)
    room = FittingRoom(wanted.wardrobe, partial(dresser_of, options), report, options.batch)
    with Progress() as bar:
        task = bar.add_task("painting", total=len(outfits))
        for planned in together(outfits, options.batch):
            for outfit, picture in room.paint(planned):
                wanted.write(outfit, picture)
            bar.advance(task, len(planned))


def dresser_of(options: argparse.Namespace) -> Dresser:
    pipeline = pipeline_of(options)
    if not isinstance(pipeline, TryOnPipeline):
        raise InputError(f"{find(options.checkpoint)} was trained to animate; name a try-on checkpoint")
    speed_up(pipeline, options)
    height, width = size_of(options)
    return Dresser(
        pipeline,
        sampler_of(options),
        height,
        width,
        guidance=guidance_of(options),
        seed=options.seed,
        composite=options.composite,
        parts=load(options.checkpoint).config.get("parts") or PARTS,
    )

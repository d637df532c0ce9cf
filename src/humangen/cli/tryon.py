"""Paints people in garments: one picture, every garment on every person, or a list of pairs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress

from humangen.checkpoint import find, load, load_pipeline, load_sampler
from humangen.cli.errors import Report, positive
from humangen.data.parsers import PARSERS
from humangen.diffusion.sample import Sampler
from humangen.inference.composite import COMPOSITES
from humangen.inference.dresser import Dresser
from humangen.inference.finished import Settings, digest, is_finished, write_finished
from humangen.inference.outfits import Beside, Outfit, combinations, read_pairs, together, told_apart
from humangen.inference.people import MASKS, PARSES, POSES, Person, Wardrobe, read_garment
from humangen.media import PICTURE_SUFFIXES
from humangen.models.speed import PRECISION_HELP, PRECISIONS, compute_in, precision_on
from humangen.models.tryon import TryOnPipeline
from humangen.pose.draw import PARTS
from humangen.types import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", default="shipped_tryon", help="run, checkpoint, weights or exported folder")
    add_inputs(parser)
    parser.add_argument("--output", type=Path, required=True, help=".png to write, or folder for PERSON+GARMENT.png")
    parser.add_argument("--overwrite", action="store_true", help="paint again what is there with other settings")
    parser.add_argument("--composite", choices=COMPOSITES, default="feather_out", help=COMPOSITE_HELP)
    parser.add_argument(
        "--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="pixels painted (default: as it was trained)"
    )
    parser.add_argument("--steps", type=positive(int), help="sampling steps (default: as the checkpoint says)")
    parser.add_argument("--solver", help="ddim, dpm, lcm, or euler for flow models (default: as the checkpoint says)")
    parser.add_argument("--guidance", type=float, default=1.0, help="1 is none")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise")
    parser.add_argument("--batch", type=positive(int), default=4, help="pictures painted at once")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="torch device")
    parser.add_argument("--precision", choices=PRECISIONS, help=PRECISION_HELP)


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
    parser.add_argument(
        "--category", choices=("upper", "lower", "dress"), default="upper", help="what a parse map's region is for"
    )


COMPOSITE_HELP = (
    "none: all of what the network paints; hard: the region alone; feather_out: blended around the region, never in it"
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

    def settings_of(self, outfit: Outfit) -> Settings:
        files = {"person": outfit.person, "garment": outfit.garment}
        files |= {name: kind.of(outfit.person) for name, kind in self.wardrobe.files.items()}
        return self.settings | {name: digest(file) for name, file in files.items()}

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
    for outfit in outfits:
        with report.of(outfit.place):
            if not wanted.is_there(outfit):
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
        "guidance": options.guidance,
        "seed": options.seed,
        "composite": options.composite,
        **regions,
    }


def sampler_of(options: argparse.Namespace) -> Sampler:
    return load_sampler(options.checkpoint, solver=options.solver, num_steps=options.steps)


def size_of(options: argparse.Namespace) -> tuple[int, int]:
    trained = load(options.checkpoint).config
    return tuple(options.size or (trained.get("height", 128), trained.get("width", 128)))


def paint(options: argparse.Namespace, wanted: Wanted, outfits: Sequence[Outfit], report: Report) -> None:
    """All of them, as many at once as are asked for; one that cannot be read is told, and the others go on."""
    dresser: Dresser | None = None
    with Progress() as bar:
        task = bar.add_task("painting", total=len(outfits))
        for planned in together(outfits, options.batch):
            people, garments = read(planned, wanted.wardrobe, report)
            for some in together([outfit for outfit in planned if outfit.key in people], options.batch):
                dresser = dresser or dresser_of(options)
                tell_sizes(dresser, some, people, report)
                worn = dict.fromkeys(outfit.garment for outfit in some)
                pictures = dresser.dress(
                    [outfit.key for outfit in some],
                    [people[outfit.key] for outfit in some],
                    [garments[path] for path in worn],
                )
                for outfit, picture in zip(some, pictures, strict=True):
                    wanted.write(outfit, picture)
            bar.advance(task, len(planned))


def read(
    outfits: Sequence[Outfit], wardrobe: Wardrobe, report: Report
) -> tuple[dict[str, Person], dict[Path, np.ndarray]]:
    """The people by the keys of their outfits, and the garments by their files, as far as both can be read."""
    people: dict[str, Person] = {}
    garments: dict[Path, np.ndarray] = {}
    for outfit in outfits:
        with report.of(outfit.place):
            if outfit.garment not in garments:
                garments[outfit.garment], notes = read_garment(outfit.garment)
                for note in notes:
                    report.say(f"note: {note}")
            people[outfit.key] = wardrobe.read(outfit.person)
            for note in people[outfit.key].notes:
                report.say(f"note: {note}")
    return people, garments


def tell_sizes(dresser: Dresser, outfits: Sequence[Outfit], people: dict[str, Person], report: Report) -> None:
    for outfit in outfits:
        fit = dresser.fit(people[outfit.key])
        if fit.enlarges:
            own = f"{fit.source[1]}x{fit.source[0]}, smaller than the model's {fit.width}x{fit.height}"
            report.say(f"note: {outfit.person} is {own}: it is enlarged to be painted")


def dresser_of(options: argparse.Namespace) -> Dresser:
    pipeline = load_pipeline(options.checkpoint)
    if not isinstance(pipeline, TryOnPipeline):
        raise InputError(f"{find(options.checkpoint)} was trained to animate; name a try-on checkpoint")
    compute_in(pipeline.to(options.device), precision_on(options.device, options.precision))
    height, width = size_of(options)
    return Dresser(
        pipeline,
        sampler_of(options),
        height,
        width,
        guidance=options.guidance,
        seed=options.seed,
        composite=options.composite,
        parts=load(options.checkpoint).config.get("parts") or PARTS,
    )

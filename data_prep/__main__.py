"""`python -m data_prep SOURCE --input DIR --output DIR`: raw data to shards."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_prep.clips import Options
from data_prep.executors import Pool, Ray, Serial
from data_prep.inspect.command import add_inspect
from data_prep.items import Problem
from data_prep.keypoints import add_pose
from data_prep.latents import latents_parser
from data_prep.place import Place, place_at
from data_prep.prepare import ClipSource, prepare_clips
from data_prep.sources.dancers import DancersSource
from data_prep.sources.dancers_tryon import DancersTryOnSource
from data_prep.sources.dresscode import DressCodeSource
from data_prep.sources.folders import FoldersSource
from data_prep.sources.tiktok import TikTokSource
from data_prep.sources.ubcfashion import UbcFashionSource
from data_prep.sources.videos import VideosSource
from data_prep.sources.vitonhd import VitonHdSource
from data_prep.splits import OFFICIAL, PRESETS
from data_prep.tryon import PairOptions, PairSource, prepare_pairs
from data_prep.work import Executor
from humangen.data.parsers import PARSERS
from humangen.data.schema import CATEGORIES
from humangen.pose.estimators import make_ready
from humangen.types import InputError


def size(text: str) -> tuple[int, int]:
    """`128` or `HEIGHTxWIDTH` -> (height, width)."""
    height, _, width = text.partition("x")
    return int(height), int(width or height)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m data_prep", description=__doc__)
    sources = top.add_subparsers(dest="source", required=True, metavar="SOURCE")
    add_dancers(sources)
    add_inspect(sources)
    latents_parser(sources, size)
    add_pose(sources)
    for name, (about, *splits) in CLIP_SOURCES.items():
        one = sources.add_parser(name, help=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        add_common(one)
        one.add_argument("--split", default=splits[0], choices=splits, help="who is held out")
        one.set_defaults(run=run_clips)
    for name, (about, *splits) in PAIR_SOURCES.items():
        one = sources.add_parser(name, help=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        add_common(one)
        one.add_argument("--split", default=splits[0], choices=splits, help=OFFICIAL.get(splits[0], "who is held out"))
        one.add_argument("--region", default="own", choices=("own", "parse", "rectangle"), help=REGION_HELP)
        one.add_argument("--masks", type=Path, help="folder of your own regions, KEY.png or PERSON.png")
        if name == "pairs":
            one.add_argument("--category", default="upper", choices=CATEGORIES, help="of the garments")
            one.add_argument("--parser", default="cihp", choices=sorted(PARSERS), help="whose labels parse maps have")
        one.set_defaults(run=run_pairs)
    return top


POSE_HELP = (
    "where keypoints come from: the source's own files or an estimator (own where there are files, else mediapipe)"
)
REGION_HELP = "what is to paint: the source's mask (the parse map where it has none), the parse map and pose, a box"
ANY = "random", "train", "test"  # splits of people that any source may be placed by
CLIP_SOURCES = {  # what they are, and the splits that suit them
    "tiktok": ("the TikTok set: folders of pictures, or DisCo's TSVs", "tiktok_public", "tiktok_disco10", *ANY),
    "ubcfashion": ("UBC Fashion: train/*.mp4 and test/*.mp4, by the official lists where they are there",
                   "ubc_official", *ANY),
    "videos": ("any folder of videos; those in one folder show one person", *ANY),
}  # fmt: skip
PAIR_SOURCES = {
    "vitonhd": ("VITON-HD: people and the garments they wear, paired and unpaired", "vitonhd_official"),
    "dresscode": ("DressCode: the same for upper bodies, lower bodies and dresses", "dresscode_official"),
    "pairs": ("your own folders: person, garment, mask (or parse and pose), and lists where names differ", *ANY),
}


def add_common(one: argparse.ArgumentParser) -> None:
    one.add_argument("--input", type=Path, required=True, help="folder of the raw data; nothing in it is changed")
    one.add_argument("--output", required=True, help="folder or fsspec URL that gets train, val, test and the ledger")
    one.add_argument("--size", type=int, help="shorter side of what is stored, in pixels (as it is)")
    one.add_argument("--pose", choices=("own", "mediapipe", "dwpose"), help=POSE_HELP)
    one.add_argument("--models", type=Path, help="folder of the estimator's model files")
    one.add_argument("--workers", type=int, default=1, help="processes")
    one.add_argument("--ray", metavar="ADDRESS", help="run the stages on this Ray cluster instead (`local` starts one)")
    one.add_argument("--work", type=Path, help="folder for what is done so far (OUTPUT/.prep)")


def add_dancers(sources: argparse._SubParsersAction) -> None:
    for name, (about, run) in DRAWN_SOURCES.items():
        one = sources.add_parser(name, help=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        one.add_argument("--output", type=Path, required=True, help="folder that gets train, val and test")
        one.add_argument("--people", type=int, default=200, help="people in train")
        one.add_argument("--held-out", type=int, default=64, help="people in val, and as many others in test")
        one.add_argument("--size", type=size, default=(128, 128), help="SIDE or HEIGHTxWIDTH in pixels")
        one.add_argument("--workers", type=int, default=2, help="processes that draw")
        if name == "dancers":
            one.add_argument("--clips", type=int, default=1, help="dances per person")
            one.add_argument("--frames", type=int, default=16, help="frames per clip")
            one.add_argument("--fps", type=float, default=8.0, help="frames per second")
        else:
            one.add_argument("--outfits", type=int, default=4, help="tops, and pictures, per person")
        one.set_defaults(run=run)


def run_dancers(options: argparse.Namespace) -> None:
    source = DancersSource(**drawing(options), clips=options.clips, num_frames=options.frames, fps=options.fps)
    source.write_new(options.output, workers=options.workers)


def run_dancers_tryon(options: argparse.Namespace) -> None:
    DancersTryOnSource(**drawing(options), outfits=options.outfits).write_new(options.output, workers=options.workers)


def drawing(options: argparse.Namespace) -> dict[str, Any]:
    height, width = options.size
    return {"people": options.people, "held_out": options.held_out, "height": height, "width": width}


DRAWN_SOURCES = {
    "dancers": ("the embedded synthetic dancers", run_dancers),
    "dancers_tryon": ("the dancers for try-on: people, tops laid flat, and the truth of other tops", run_dancers_tryon),
}


def executor(options: argparse.Namespace) -> Executor:
    if options.workers < 1:
        raise InputError("--workers must be 1 or more")
    if options.ray:
        return Ray(options.ray)
    return Serial() if options.workers == 1 else Pool(options.workers)


def run_clips(options: argparse.Namespace) -> None:
    makers: dict[str, Callable[[], ClipSource]] = {
        "tiktok": lambda: TikTokSource(options.input, PRESETS[options.split]),
        "ubcfashion": lambda: UbcFashionSource(options.input, PRESETS.get(options.split)),
        "videos": lambda: VideosSource(options.input, PRESETS[options.split]),
    }
    choices = Options(options.pose, options.models, options.size)
    with closing(place_of(options, {"split": options.split}, choices)) as place:
        tell(prepare_clips(makers[options.source](), place, choices), options.output)


def run_pairs(options: argparse.Namespace) -> None:
    makers: dict[str, Callable[[], PairSource]] = {
        "vitonhd": lambda: VitonHdSource(options.input),
        "dresscode": lambda: DressCodeSource(options.input),
        "pairs": lambda: FoldersSource(options.input, options.split, options.category, options.parser),
    }
    if options.masks is not None and not options.masks.is_dir():
        raise InputError(f"no folder of masks at {options.masks}")
    choices = PairOptions(options.pose, options.models, options.size, options.region, options.masks)
    about = {name: getattr(options, name) for name in ("split", "category", "parser") if hasattr(options, name)}
    with closing(place_of(options, about, choices)) as place:
        tell(prepare_pairs(makers[options.source](), place, choices), options.output)


def place_of(options: argparse.Namespace, about: dict[str, Any], choices: Options | PairOptions) -> Place:
    if not options.input.is_dir():
        raise InputError(f"no folder at {options.input}")
    make_ready(options.pose, options.models)
    if options.size is not None and options.size < 16:
        raise InputError(f"--size {options.size} is too small: 16 pixels at least")
    settings = {"source": options.source, "input": options.input.resolve(), **about, **asdict(choices)}
    del settings["models"]  # their hashes are known: wherever they lie, they find the same
    place = place_at(options.output, options.work, settings, executor(options))
    if isinstance(place.output, Path) and place.output.resolve().is_relative_to(options.input.resolve()):
        raise InputError(f"--output {options.output} lies in the --input: the next run would take shards for raw data")
    return place


def tell(problems: list[Problem], output: str) -> None:
    if problems:
        outcomes = Counter(problem.outcome for problem in problems)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        print(f"{counts}: see {output}/ledger.jsonl")
    print(f"look at it: python -m data_prep inspect {output}")


def main() -> int:
    options = parser().parse_args()
    try:
        options.run(options)
    except (InputError, OSError) as error:  # a full disk is nobody's bug
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on where this one ended", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

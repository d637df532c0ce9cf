"""What the commands that paint share: a checkpoint, and what of its own way to paint may be chosen otherwise."""

from __future__ import annotations

import argparse

import torch

from humangen.checkpoint import load, load_guidance, load_pipeline
from humangen.cli.errors import device, guidance, positive, seed, told
from humangen.models.pipeline import Pipeline
from humangen.models.recording import record_passes
from humangen.models.speed import PRECISIONS, compile_blocks, compute_in, fuse_projections, precision_on
from humangen.types import InputError


def add_checkpoint(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Without a default one has to be named."""
    about = "run, checkpoint, weights or exported folder"
    parser.add_argument("--checkpoint", "--pretrained", default=default, required=default is None, help=about)
    parser.add_argument(
        "--moved",
        type=told(old_and_new),
        action="append",
        metavar="OLD:NEW",
        help="where a folder of frozen networks (VAE, CLIP) lies now that was OLD in training; may come several times",
    )


def add_painting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--size",
        type=positive(int),
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="pixels painted (default: as the checkpoint was trained)",
    )
    parser.add_argument("--steps", type=positive(int), help="sampling steps (default: as the checkpoint says)")
    parser.add_argument("--guidance", type=guidance, help="1 is none (default: as the checkpoint says)")
    parser.add_argument("--seed", type=seed, default=0, help="seed of the noise")
    parser.add_argument(
        "--device", type=device, default="cuda" if torch.cuda.is_available() else "cpu", help="torch device"
    )


def add_speed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the network's weights and work (default: bfloat16 on a CUDA device that has it, else float32)",
    )
    parser.add_argument(
        "--compile", action="store_true", help="fuse and compile the network: a minute or more to start, faster frames"
    )
    parser.add_argument(
        "--graphs", action="store_true", help="record CUDA graphs of the network: for few and small pictures at once"
    )


def old_and_new(text: str) -> tuple[str, str]:
    """The two places in OLD:NEW."""
    old, colon, new = text.partition(":")
    if not (old and colon and new):
        raise InputError(f"{text!r} is no OLD:NEW: give where a folder was, a colon, and where it is")
    return old, new


def size_of(options: argparse.Namespace) -> tuple[int, int]:
    trained = load(options.checkpoint).config
    return tuple(options.size or (trained.get("height", 128), trained.get("width", 128)))  # type: ignore[return-value]


def guidance_of(options: argparse.Namespace) -> float:
    return load_guidance(options.checkpoint, options.guidance)


def pipeline_of(options: argparse.Namespace) -> Pipeline:
    return load_pipeline(options.checkpoint, dict(options.moved or []))


def speed_up(pipeline: Pipeline, options: argparse.Namespace) -> None:
    """Brings it to the device, in the precision and the ways of running it that `add_speed` offers."""
    if options.graphs and torch.device(options.device).type != "cuda":
        raise InputError(f"--graphs records CUDA graphs, and --device is {options.device}: leave it out")
    compute_in(pipeline.to(options.device), precision_on(options.device, options.precision))
    if options.compile:
        fuse_projections(pipeline.denoiser)
        compile_blocks(pipeline.denoiser)
    if options.graphs:
        record_passes(pipeline.denoiser)

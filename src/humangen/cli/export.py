"""Writes what a checkpoint has trained as a folder in diffusers' layout that holds everything sampling needs."""

from __future__ import annotations

import argparse
from pathlib import Path

from humangen.cli.options import add_checkpoint
from humangen.export import export, export_weights
from humangen.models.speed import PRECISIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    parser.add_argument("--output", type=Path, required=True, help="folder to write; it must not be there yet")
    parser.add_argument("--dtype", choices=PRECISIONS, default="float16", help="precision of the weights")
    parser.add_argument(
        "--weights-only",
        dest="export",
        action="store_const",
        const=export_weights,
        default=export,
        help="the denoiser alone; its frozen networks are looked for where they are now",
    )


def run(options: argparse.Namespace) -> None:
    options.export(options.checkpoint, options.output, PRECISIONS[options.dtype], dict(options.moved or []))
    print(f"{options.output}: load it with --checkpoint {options.output}")

"""Writes what a checkpoint has trained as a folder of half-precision safetensors with its configuration."""

from __future__ import annotations

import argparse
from pathlib import Path

from humangen.checkpoint import export


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, help="run folder or checkpoint")
    parser.add_argument("--output", type=Path, required=True, help="weights folder to write")


def run(options: argparse.Namespace) -> None:
    export(options.checkpoint, options.output)
    print(f"{options.output}: load it with --checkpoint {options.output}")

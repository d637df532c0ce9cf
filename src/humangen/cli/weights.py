"""The files of weights that metrics need: `list` what is here and what is missing, `fetch` one."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from humangen.metrics.registry_files import FILES, WeightFile
from humangen.metrics.registry_store import MISSING, fetch, sha256_of, state, weights_folder
from humangen.types import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "fetch"), nargs="?", default="list", help="what to do")
    parser.add_argument("name", choices=FILES, nargs="?", metavar="NAME", help="which file, as the list names it")
    parser.add_argument("--folder", type=Path, help="where the files lie (default: $HUMANGEN_WEIGHTS, or the cache)")


def run(options: argparse.Namespace) -> None:
    folder = weights_folder(options.folder)
    if options.action == "list":
        return show(folder)
    if options.name is None:
        raise InputError(f"say which file to fetch: one of {', '.join(FILES)}")
    path = fetch(FILES[options.name], folder)
    print(f"{path}: sha256 {sha256_of(path)}")


def show(folder: Path) -> None:
    """A table of all files, with the folder above it."""
    table = Table("name", "file", "bytes", "state", "licence", "where from")
    for weight in FILES.values():
        num_bytes = f"{weight.num_bytes:,}"
        table.add_row(weight.name, weight.file, num_bytes, found(weight, folder), weight.licence, origin(weight))
    console = Console()
    if not console.is_terminal:
        console.width = 320  # a file has no edge to break lines at
    console.print(f"weights in {folder}")
    console.print(table)


def found(weight: WeightFile, folder: Path) -> str:
    """The state of the file in a word or two."""
    try:
        return state(weight, folder)
    except InputError:  # the package that holds it is not installed
        return MISSING


def origin(weight: WeightFile) -> str:
    return weight.source if weight.address is None else f"{weight.source}: {weight.address}"

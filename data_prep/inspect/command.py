"""`python -m data_prep inspect DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from upath import UPath

from humangen.types import InputError


def add_inspect(commands: argparse._SubParsersAction) -> None:
    """Adds the command `inspect`."""
    one = commands.add_parser("inspect", help="one page that shows what was prepared")
    one.add_argument("folder", metavar="DIR", help="folder or fsspec URL that holds the splits and the ledger")
    one.add_argument("--output", type=Path, metavar="FILE", help="the page (DIR/inspect.html)")
    one.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Writes the page and says where it is."""
    from data_prep.inspect.page import write_page  # plots and pictures, which other commands do without

    folder, output = UPath(options.folder), options.output
    if output is None:
        if not isinstance(folder, Path):
            raise InputError(f"{options.folder} is not on this machine: name a file for the page with --output")
        output = folder / "inspect.html"
    if output.is_dir():
        raise InputError(f"{output} is a folder: name a file for the page")
    write_page(folder, output)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB, to be opened in a browser")

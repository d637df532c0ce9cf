"""Tables and plots from the results of runs and sweeps; the sweep's axes are found by themselves."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from humangen.report.page import write_page
from humangen.report.runs import find_runs
from humangen.report.tables import table, write_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", type=Path, nargs="+", help="run or sweep folders")
    parser.add_argument("--output", type=Path, help="folder to write into (default: the first path)")
    parser.add_argument("--title", default="humangen report", help="title of the page")


def run(options: argparse.Namespace) -> None:
    runs = find_runs(options.paths)
    frame = table(runs)
    folder = options.output or options.paths[0]
    folder.mkdir(parents=True, exist_ok=True)
    write_tables(frame, folder)
    write_page(folder / "index.html", options.title, runs, frame)
    shown = Table("", *frame.columns)
    for name, row in zip(frame.index, frame.to_numpy(), strict=True):
        shown.add_row(str(name), *map(str, row))
    console = Console()
    if not console.is_terminal:
        console.width = 200  # a file has no edge to break lines at
    console.print(shown)
    print(f"{folder}/index.html, table.md, table.csv, table.tex")

"""Tables and plots from the results of runs and sweeps; the sweep's axes are found by themselves."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Shown

from humangen.report.formats import write_tables
from humangen.report.page import write_page
from humangen.report.report import Report
from humangen.report.runs import find_runs
from humangen.report.tables import INTERVAL, Table

FILE_WIDTH = 400  # a file has no edge to break lines at
NAMED = 5  # runs that were left out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", type=Path, nargs="+", help="run or sweep folders")
    parser.add_argument("--output", type=Path, help="folder to write into (default: the first path)")
    parser.add_argument("--title", default="humangen report", help="title of the page")


def run(options: argparse.Namespace) -> None:
    report = Report.of(find_runs(options.paths))
    folder = options.output or options.paths[0]
    files = write_tables(report.table, report.notes, folder)
    write_page(folder / "index.html", options.title, report)
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    console.print(_shown(report.table))
    print(" ".join([*report.verdict, *report.notes]))
    left_out = [f"left out: {path}: {why}" for path, why in report.left_out.items()]
    hidden = len(left_out) - NAMED
    print("".join(f"{line}\n" for line in left_out[:NAMED]), end="")
    if hidden > 0:
        print(f"left out: {hidden} more, which the page names")
    print(", ".join([f"{folder}/index.html", *files]))


def _shown(table: Table) -> Shown:
    """For the terminal: the best bold, intervals and what is no arm dim."""
    shown = Shown("", *table.titles)
    for line in table.lines():
        cells = zip(line.texts, line.best, strict=True)
        texts = [f"[bold]{text}[/bold]" if best else escape(text) for text, best in cells]
        style = "dim" if line.kind == INTERVAL else None
        shown.add_row(escape(line.name), *texts, style=style)
    return shown

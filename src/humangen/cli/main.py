"""The `humangen` command."""

from __future__ import annotations

import argparse
import importlib

from humangen.cli.errors import reported

COMMANDS = {
    "animate": "a reference picture and a pose source, to a video",
    "tryon": "people and garments, to pictures of the people in them",
    "leaks": "check that a try-on model sees nothing of what is under the region",
    "dancers": "draw a reference picture and a dance to try animate with",
    "report": "tables and plots from the results of runs and sweeps",
    "weights": "the files of weights that metrics need: which are here, and fetching them",
    "checkpoint": "what a checkpoint holds; and one file of DeepSpeed's folder",
    "export": "a checkpoint as a folder in diffusers' layout",
}


@reported
def main(arguments: list[str] | None = None) -> None:
    """Parses, imports the one command that is asked for, and runs it."""
    parser = argparse.ArgumentParser(prog="humangen", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)
    known, rest = parser.parse_known_args(arguments)
    command = importlib.import_module(f"humangen.cli.{known.command}")
    own = argparse.ArgumentParser(
        prog=f"humangen {known.command}",
        description=command.__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.add_arguments(own)
    command.run(own.parse_args(rest))

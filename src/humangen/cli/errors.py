"""How a command ends when the input is wrong: one sentence, exit code 2; and how it goes on with the rest."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from humangen.types import InputError, sentence


def positive(kind: type[int] | type[float]) -> Callable[[str], int | float]:
    """An argparse type: a number above zero."""

    def parse(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(0)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not a positive number")
        return value

    return parse


def reported(main: Callable[..., Any]) -> Callable[..., Any]:
    """Turns an `InputError` into its sentence on stderr and exit code 2, and Ctrl-C into a word and 130."""

    @functools.wraps(main)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return main(*args, **kwargs)
        except InputError as error:
            print(f"error: {sentence(error)}", file=sys.stderr)
            sys.exit(2)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)

    return run


class Report:
    """What is told of one thing while the others go on; of a thing `alone`, the fault is raised as it is."""

    def __init__(self, *, alone: bool) -> None:
        self.alone, self.failed = alone, 0
        self._said: set[str] = set()

    @contextmanager
    def of(self, place: str) -> Iterator[None]:
        """Tells of an `InputError` inside, with `place` before its sentence."""
        try:
            yield
        except InputError as error:
            self.fail(f"{place}{error}")

    def fail(self, sentence: str) -> None:
        if self.alone:
            raise InputError(sentence)
        self.failed += 1
        self.say(f"error: {sentence}")

    def say(self, line: str) -> None:
        """On stderr and once, however many things it is true of."""
        if line not in self._said:
            self._said.add(line)
            print(line, file=sys.stderr)

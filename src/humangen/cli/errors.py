"""How a command ends when the input is wrong: one sentence, exit code 2; and how it goes on with the rest. The types of
arguments are those that argparse makes such a sentence of."""

from __future__ import annotations

import argparse
import functools
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from humangen.diffusion.guidance import check_guidance
from humangen.types import InputError, sentence

T = TypeVar("T")
SEEDS = 2**63  # there are so many


def positive(kind: type[int] | type[float]) -> Callable[[str], int | float]:
    """An argparse type: a number above zero."""

    def parse(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(0)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"{text} is not a positive number")
        return value

    return parse


def told(check: Callable[[str], T]) -> Callable[[str], T]:
    """An argparse type of a function that raises `InputError`."""

    @functools.wraps(check)
    def parse(text: str) -> T:
        try:
            return check(text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse


def usable_device(name: str) -> str:
    """`name`, where this machine has such a torch device; else raises `InputError`."""
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    there = ["cpu"] + ([found.type] if found else [])
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"{name!r} is no device: this machine has {' and '.join(there)}") from error
    count = torch.accelerator.device_count() if device.type != "cpu" else 1
    if device.type not in there or (device.index or 0) >= count:
        raise InputError(f"this machine has no device {name}, but {' and '.join(there)}")
    return name


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= SEEDS:
        raise InputError(f"{text} is no seed: those are the whole numbers from 0 to {SEEDS - 1}")
    return int(text)


def _guidance(text: str) -> float:
    try:
        return check_guidance(float(text))
    except ValueError as error:  # `InputError` is one
        raise InputError(f"{text} is no guidance: give a number from 0, of which 1 is none") from error


device, seed, guidance = told(usable_device), told(_seed), told(_guidance)


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

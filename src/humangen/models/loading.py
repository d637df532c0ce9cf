"""Strict loading: what a file of weights must hold, and a line about what it held."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from torch import Tensor

from humangen.types import InputError

SECTIONS = {"down_blocks": "down", "mid_block": "mid", "up_blocks": "up", "encoder": "encoder", "decoder": "decoder"}
SHOWN = 3  # names of a kind in an error


@cache
def announce(line: str) -> None:
    """Logs `line` once in a process, and in one process of several."""
    if os.environ.get("LOCAL_RANK", "0") == "0" and os.environ.get("SLURM_PROCID", "0") == "0":
        logging.getLogger(__name__).info(line)


def check_fit(
    part: str, expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], file: Path, choose: str
) -> None:
    """Announces that `weights`, read from `file`, are all of `part` and nothing else.

    Raises `InputError` where their names or shapes are not those `expected`, and says which; `choose` is the
    configuration key that names another file.
    """
    common = [name for name in expected if name in weights and expected[name].shape != weights[name].shape]
    shapes = [f"{name} is {_size(weights[name])} and must be {_size(expected[name])}" for name in common]
    problems = [
        *_listed("missing", [name for name in expected if name not in weights]),
        *_listed("unexpected", [name for name in weights if name not in expected]),
        *([f"{len(shapes)} of another shape: {'; '.join(shapes[:SHOWN])}"] if shapes else []),
    ]
    if problems:
        raise InputError(f"{file} does not hold the {part} that is needed: {'. '.join(problems)}. Choose with {choose}")
    announce(f"{part}: {len(weights)} tensors loaded{_sections(weights)}, 0 missing, 0 unexpected, from {file}")


def _listed(what: str, names: list[str]) -> list[str]:
    """One clause about `names`, if there are any."""
    if not names:
        return []
    more = ", ..." if len(names) > SHOWN else ""
    return [f"{len(names)} {what}{_sections(names)}: {', '.join(names[:SHOWN])}{more}"]


def _sections(names: Iterable[str]) -> str:
    """How many of `names` lie in which section of the network; nothing where it has none."""
    counts = Counter(SECTIONS.get(name.split(".")[0], "other") for name in names)
    if set(counts) == {"other"}:
        return ""
    order = (*SECTIONS.values(), "other")
    return f" ({', '.join(f'{section} {counts[section]}' for section in order if section in counts)})"


def _size(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a single number"

"""Who is to wear what: files of people and of garments, lists of pairs, and which pairs are painted together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TypeVar

from humangen.media import pictures_in
from humangen.types import InputError

T = TypeVar("T")
COMMENT = re.compile(r"(^|\s)#.*")


@dataclass(frozen=True)
class Outfit:
    """The files of a person and of a garment. `where` is the line of a list that names them, for people."""

    person: Path
    garment: Path
    where: str = ""

    @property
    def key(self) -> str:
        """What noise is drawn from, and the name of what is painted."""
        return f"{self.person.stem}+{self.garment.stem}"

    @property
    def place(self) -> str:
        """What goes before a sentence about it."""
        return f"{self.where}: " if self.where else ""


def combinations(people: Sequence[Path], garments: Sequence[Path]) -> list[Outfit]:
    """Each garment on each person; a folder stands for its pictures. Raises `InputError` for one without any."""
    return [Outfit(*pair) for pair in product(_files(people), _files(garments))]


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        found = pictures_in(path) if path.is_dir() else [path]
        if not found:
            raise InputError(f"no picture in {path}")
        files += found
    return files


def read_pairs(path: Path, people: Path, garments: Path) -> tuple[list[Outfit], list[str]]:
    """The pairs of a list, on each line the file names of a person and of a garment between spaces, or between tabs
    where names hold spaces; and a sentence for each line that holds something else. What follows a # is a comment.

    Raises `InputError` where there is no list, or none of its lines names a pair.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a list of pairs that can be read: {error}") from error
    outfits, faults = [], []
    for number, line in enumerate(lines, 1):
        text = COMMENT.sub("", line).strip()
        fields = [field.strip() for field in re.split(r"\t+", text)] if "\t" in text else text.split()
        if len(fields) == 2:
            outfits.append(Outfit(people / fields[0], garments / fields[1], f"{path} line {number}"))
        elif fields:
            faults.append(f"{path} line {number}: {text!r} is not the file names of a person and of a garment")
    if not outfits and not faults:
        raise InputError(f"{path} names no pair: each line is the file names of a person and of a garment")
    return outfits, faults


def told_apart(outfits: Iterable[Outfit]) -> tuple[list[Outfit], list[str]]:
    """The first outfit of each key, for they would be written into one file; and a sentence for each other one."""
    first: dict[str, Outfit] = {}
    faults = []
    for outfit in outfits:
        other = first.setdefault(outfit.key, outfit)
        if other is outfit:
            continue
        same = (other.person, other.garment) == (outfit.person, outfit.garment)
        names = "the same pair" if same else f"{outfit.person} and {outfit.garment} are called {outfit.key}"
        before = other.where or f"{other.person} and {other.garment}"
        faults.append(f"{outfit.place}{names} as {before} before")
    return list(first.values()), faults


def together(outfits: Iterable[Outfit], size: int) -> Iterator[Sequence[Outfit]]:
    """Outfits to be painted at once, `size` at most: of each garment equally many, side by side, as a `TryOnBatch` has
    them. A garment of which there are more is in batches of its own, one after another, so that nothing need be held
    of a garment beyond the batches it is in, nor be read again."""
    wearers: dict[Path, list[Outfit]] = defaultdict(list)
    for outfit in outfits:
        wearers[outfit.garment].append(outfit)
    runs: dict[int, list[Sequence[Outfit]]] = defaultdict(list)
    for worn in wearers.values():
        if len(worn) > size:
            yield from _parts(worn, size)
        else:
            runs[len(worn)].append(worn)
    for length, alike in runs.items():
        for some in _parts(alike, size // length):
            yield [outfit for run in some for outfit in run]


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))


@dataclass(frozen=True)
class Beside:
    """A file that belongs to a person, or the folder in which each person has one, called like the person's picture
    with one of `endings` or none. `what` says what it is, for people."""

    path: Path
    what: str
    endings: tuple[str, ...]
    suffixes: tuple[str, ...]

    def check_alone(self, people: Iterable[Path]) -> None:
        """Raises `InputError` where one file would have to do for several people."""
        count = len(set(people))
        if self.path.is_file() and count > 1:
            raise InputError(f"{self.path} is one {self.what} for {count} people: name a folder with one for each")

    def of(self, person: Path) -> Path:
        """The file; raises `InputError` where the folder has none."""
        if not self.path.is_dir():
            return self.path
        bare = person.stem.removesuffix("_0")  # DressCode numbers what is of one person
        stems = [person.stem, *(stem + ending for ending in self.endings for stem in (person.stem, bare))]
        names = [stem + suffix for stem in dict.fromkeys(stems) for suffix in self.suffixes]
        for name in names:
            if (self.path / name).is_file():
                return self.path / name
        raise InputError(f"no {self.what} of {person.name} in {self.path}: it would be called {names[0]}")

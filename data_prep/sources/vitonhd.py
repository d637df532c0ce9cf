"""VITON-HD (Choi et al., CVPR 2021) in the layout of its archive `zalando-hd-resized`, and how such lists are read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from data_prep.items import UNPAIRED, Problem, RawPair, safe_key
from humangen.media import pictures_in
from humangen.types import InputError

LISTS = {"train": ("train_pairs.txt",), "test": ("test_pairs.txt", "test_pairs_unpaired.txt")}
LAYOUT = (
    "VITON-HD is unpacked as train/image, train/cloth, train_pairs.txt and test/image, test/cloth, test_pairs.txt, "
    "with image-parse-v3, openpose_json and agnostic-mask beside image where there are any"
)


@dataclass(frozen=True)
class Line:
    """One pair of a list: the file names of a person and of a garment; `where` is for people."""

    person: str
    garment: str
    where: str


class Finds:
    """The pairs of a source and what is wrong with it. A pair without its pictures becomes a problem, and so does
    one whose key is taken: the same person in two splits."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pairs: list[RawPair] = []
        self.problems: list[Problem] = []
        self._taken: dict[str, str] = {}

    def relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def fail(self, key: str, reason: str) -> None:
        self.problems.append(Problem(safe_key(key), "discover", "failed", reason))

    def mark(self, key: str, reason: str) -> None:
        self.problems.append(Problem(safe_key(key), "discover", "marked", reason))

    def add(self, pair: RawPair, where: str) -> None:
        missing = [self.relative(path) for path in (pair.person, pair.garment) if not os.path.isfile(path)]
        if pair.key in self._taken:
            self._lack(pair, f"{where}: {pair.key} is already the sample of {self._taken[pair.key]}")
        elif missing:
            self._lack(pair, f"{where}: no picture at {' nor at '.join(missing)}")
        else:
            self._taken[pair.key] = where
            self.pairs.append(pair)

    def _lack(self, pair: RawPair, reason: str) -> None:
        self.problems.append(Problem(pair.key, "discover", "failed", reason))

    def read(self, path: Path, homes: tuple[Path, ...] = (), columns: tuple[int, ...] = (2,)) -> list[Line]:
        """The pairs of a list, on each line the file names of a person and of a garment between tabs or spaces; a line
        that holds something else, or what an earlier one held, becomes a problem. Names that hold spaces themselves
        are known by their pictures in `homes`, the folders of people and of garments. More `columns` are passed over.
        """
        name, lines = self.relative(path), []
        first: dict[tuple[str, ...], int] = {}
        for number, text in enumerate(path.read_text("utf-8-sig", errors="replace").splitlines(), 1):
            fields, where = names_in(text.strip(), homes, columns), f"{name} line {number}"
            if not text.strip():
                continue
            if len(fields) not in columns or any("/" in field or "\\" in field for field in fields):
                told = f"{where}: {text.strip()!r} is not the file names of a person and of a garment"
                self.fail(where, told + ", with a tab between them where names hold spaces" * (len(fields) > 2))
            elif fields in first:
                self.fail(where, f"{where}: the same pair as on line {first[fields]}")
            else:
                first[fields] = number
                lines.append(Line(fields[0], fields[1], where))
        if not first:
            self.mark(name, f"{name} lists no pair")
        return lines


def names_in(text: str, homes: tuple[Path, ...], columns: tuple[int, ...]) -> tuple[str, ...]:
    """The fields of a line: between tabs where there are any, else between spaces. Where those are too many, the two
    names whose pictures are in `homes`, if just one way to part them gives such."""
    if "\t" in text:
        return tuple(field.strip() for field in re.split(r"\t+", text))
    fields = tuple(text.split())
    if len(fields) in columns or not homes:
        return fields
    parted = [(text[: gap.start()], text[gap.end() :]) for gap in re.finditer(r"\s+", text)]
    there = [names for names in parted if all(map(file_in, homes, names))]
    return there[0] if len(there) == 1 else fields


def folder_called(parent: Path, *names: str) -> Path:
    """The first of these folders that `parent` holds, `-` and `_` being the same; else the path of the first name."""
    held = {each.name.replace("_", "-"): each for each in sorted(parent.iterdir())}
    return next((held[name] for name in names if name in held), parent / names[0])


def file_in(folder: Path, name: str) -> Path | None:
    """The file of this name, or None where there is none."""
    return folder / name if os.path.isfile(folder / name) else None  # which a name that is too long does not raise


def first_of_each(lines: Iterable[tuple[object, Line]]) -> list[Line]:
    """The first line under each name, in order: one person has many lines, two lists may hold one pair."""
    found: dict[object, Line] = {}
    for name, line in lines:
        found.setdefault(name, line)
    return list(found.values())


class Part:
    """One of the two folders, train or test, and which of the folders of labels it holds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.people, self.garments = folder, folder / "image", folder / "cloth"
        self.parses = folder_called(folder, "image-parse-v3", "image-parse")
        self.poses = folder_called(folder, "openpose-json")
        self.masks = folder_called(folder, "agnostic-mask")

    def pair(self, person: str, garment: str, split: str) -> RawPair:
        stem = Path(person).stem
        parse = file_in(self.parses, f"{stem}.png")
        return RawPair(
            key=safe_key(stem, Path(garment).stem) if split == UNPAIRED else safe_key(stem),
            identity=stem,
            split=split,
            path=f"{self.folder.name}/image/{person}",
            category="upper",
            person=self.people / person,
            garment=self.garments / garment,
            parse=parse,
            parser="cihp" if parse else None,
            pose=file_in(self.poses, f"{stem}_keypoints.json"),
            mask=file_in(self.masks, f"{stem}_mask.png"),
        )


@dataclass(frozen=True)
class VitonHdSource:
    """The people of `folder`/train and test. The official lists are of unpaired people and garments, both of them, so
    training takes the first column alone, each person with the garment worn (HR-VITON issues 4 and 71). Split `test`
    does as well; `test_unpaired` takes the test list as it stands."""

    folder: Path
    name: ClassVar[str] = "vitonhd"

    def discover(self) -> tuple[list[RawPair], list[Problem]]:
        """Every pair whose pictures are there, and a problem for every other one; a region of the dataset's own, a
        parse map or a pose may be missing. Raises `InputError` where `folder` is not VITON-HD."""
        if not any((self.folder / part).is_dir() for part in LISTS):
            raise InputError(f"{self.folder} holds neither train nor test. {LAYOUT}")
        finds = Finds(self.folder)
        for part, names in LISTS.items():
            lists = [self.folder / name for name in names if (self.folder / name).is_file()]
            if (self.folder / part).is_dir():
                self._discover_part(part, lists, finds)
            else:
                for path in lists:
                    finds.fail(path.name, f"{path.name} lists pictures of {part}, a folder that is not there")
        return finds.pairs, finds.problems

    def _discover_part(self, part: str, lists: list[Path], finds: Finds) -> None:
        place = Part(self.folder / part)
        lines = [line for path in lists for line in finds.read(path, (place.people, place.garments))]
        people = lines
        if not lists:
            pictures = pictures_in(place.people)
            people = [Line(path.name, path.name, f"{part}/image") for path in pictures]
            finds.mark(part, f"no {LISTS[part][0]}: all {len(people)} pictures of {part}/image, each as it is dressed")
        for line in first_of_each((line.person, line) for line in people):
            finds.add(place.pair(line.person, line.person, part), line.where)
        if part == "test":
            for line in first_of_each(((line.person, line.garment), line) for line in lines):
                finds.add(place.pair(line.person, line.garment, UNPAIRED), line.where)

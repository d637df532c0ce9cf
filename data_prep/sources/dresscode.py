"""DressCode (Morelli et al., ECCV 2022): upper bodies, lower bodies and dresses, 768 x 1024."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from data_prep.items import UNPAIRED, Problem, RawPair, safe_key
from data_prep.sources.vitonhd import Finds, Line, file_in, first_of_each, folder_called
from humangen.media import pictures_in
from humangen.types import InputError

CATEGORIES = {"upper_body": "upper", "lower_body": "lower", "dresses": "dress"}
LISTS = {"train": "train_pairs.txt", "test": "test_pairs_paired.txt", UNPAIRED: "test_pairs_unpaired.txt"}
PERSON = re.compile(r"(?P<id>.+)_0(?P<suffix>\.\w+)")
LAYOUT = (
    "DressCode is unpacked as upper_body, lower_body and dresses, each with images/ID_0.jpg (person) and "
    "images/ID_1.jpg (garment), label_maps and keypoints; --input may also be one of the three"
)


class Category:
    """One of the three folders, and which of the folders of labels it holds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.absolute().name
        self.images = folder / "images"
        self.parses = folder_called(folder, "label-maps")
        self.poses = folder_called(folder, "keypoints")
        self.masks = folder_called(folder, "agnostic-masks")  # CatVTON's; `masks` are those of the garments

    def shows(self, person: str) -> bool:
        return file_in(self.images, person) is not None

    def pair(self, person: str, garment: str, split: str) -> RawPair:
        identity = PERSON.sub(r"\g<id>", person)
        parse = file_in(self.parses, f"{identity}_4.png")
        other = [Path(garment).stem.removesuffix("_1")] if split == UNPAIRED else []
        return RawPair(
            key=safe_key(f"{self.name}_{identity}", *other),
            identity=identity,
            split=split,
            path=f"{self.name}/images/{person}",
            category=CATEGORIES[self.name],
            person=self.images / person,
            garment=self.images / garment,
            parse=parse,
            parser="atr" if parse else None,
            pose=file_in(self.poses, f"{identity}_2.json"),
            mask=file_in(self.masks, f"{identity}_0.png"),
        )


@dataclass(frozen=True)
class DressCodeSource:
    """The people of `folder`, which holds the categories or is one of them; lists lie in the categories, above them
    or in both. Unlike VITON-HD's, the lists of `train` and of `test` are paired, and a line of theirs that names
    another garment than the person's own is a problem; `test_unpaired` is its list as it stands."""

    folder: Path
    name: ClassVar[str] = "dresscode"

    def discover(self) -> tuple[list[RawPair], list[Problem]]:
        """Every pair whose pictures are there, and a problem for every other one; a region, a parse map or a pose
        may be missing. Raises `InputError` where `folder` is not DressCode."""
        single = self.folder.absolute().name in CATEGORIES
        folders = [self.folder] if single else [self.folder / name for name in CATEGORIES]
        categories = [Category(folder) for folder in folders if (folder / "images").is_dir()]
        if not categories:
            raise InputError(f"{self.folder} holds none of {', '.join(CATEGORIES)} with images in it. {LAYOUT}")
        finds = Finds(self.folder)
        above = {} if single else self._above(categories, finds)
        for category in categories:
            listed = self._listed(category, above, finds)
            for split, lines in listed.items():
                for line in lines:
                    _add(category, line, split, finds)
        return finds.pairs, finds.problems

    def _above(self, categories: list[Category], finds: Finds) -> dict[str, dict[str, list[Line]]]:
        """The lines of the lists that lie above the categories, by split and by the category whose folder holds the
        person; a third column, which numbers the category, is not needed."""
        above: dict[str, dict[str, list[Line]]] = {}
        for split, name in LISTS.items():
            if not (self.folder / name).is_file():
                continue
            above[split] = {category.name: [] for category in categories}
            for line in finds.read(self.folder / name, columns=(2, 3)):
                homes = [category.name for category in categories if category.shows(line.person)]
                if homes:
                    above[split][homes[0]].append(line)
                else:
                    finds.fail(line.person, f"{line.where}: no category has a picture images/{line.person}")
        return above

    def _listed(
        self, category: Category, above: dict[str, dict[str, list[Line]]], finds: Finds
    ) -> dict[str, list[Line]]:
        """The lines of a category by split: its own lists, then what the lists above it say of it."""
        listed: dict[str, list[Line]] = {}
        for split, name in LISTS.items():
            own = category.folder / name
            if own.is_file() or split in above:
                lines = finds.read(own) if own.is_file() else []
                lines += above.get(split, {}).get(category.name, [])
                listed[split] = first_of_each(((line.person, line.garment), line) for line in lines)
        if not listed:
            names = [path.name for path in pictures_in(category.images) if PERSON.fullmatch(path.name)]
            listed["train"] = [Line(name, worn_by(name), f"{category.name}/images") for name in names]
            finds.mark(category.name, f"{category.name} has no list of pairs: all {len(names)} people, for training")
        if UNPAIRED in listed and "test" not in listed:
            people = first_of_each((line.person, line) for line in listed[UNPAIRED])
            listed["test"] = [Line(line.person, worn_by(line.person), line.where) for line in people]
            finds.mark(category.name, f"{category.name} has no {LISTS['test']}: the people of {LISTS[UNPAIRED]}")
        return listed


def worn_by(person: str) -> str:
    """The picture of the garment that a person wears: ID_0.jpg -> ID_1.jpg."""
    return PERSON.sub(r"\g<id>_1\g<suffix>", person)


def _add(category: Category, line: Line, split: str, finds: Finds) -> None:
    if not PERSON.fullmatch(line.person):
        finds.fail(line.where, f"{line.where}: {line.person} is not called as a person is, ID_0.jpg")
    elif split != UNPAIRED and line.garment != worn_by(line.person):
        finds.fail(line.where, f"{line.where}: {line.person} wears {worn_by(line.person)}, not {line.garment}")
    else:
        finds.add(category.pair(line.person, line.garment, split), line.where)

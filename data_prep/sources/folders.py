"""Plain folders of one's own: people, garments and masks under the same names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from data_prep.items import UNPAIRED, Problem, RawPair, safe_key
from data_prep.sources.vitonhd import Finds, Line, file_in, first_of_each
from data_prep.splits import PRESETS
from humangen.media import PICTURE_SUFFIXES, pictures_in
from humangen.types import InputError

PAIRED = {"train": "train_pairs.txt", "test": "test_pairs.txt"}
LIST = "pairs.txt"  # of people in the garments of others
PICTURES = (".png", *sorted(PICTURE_SUFFIXES - {".png"}))
LAYOUT = (
    "It holds person/NAME.jpg, garment/NAME.jpg and mask/NAME.png (or parse/NAME.png and pose/NAME.json), and lists "
    f"where names differ: {PAIRED['train']} and {PAIRED['test']} of people and the garments they wear, {LIST} of "
    "people and other garments"
)


@dataclass(frozen=True)
class FoldersSource:
    """The people of `folder`/person. Each wears the garment that its list names, or without a list the one of the
    same name, and then `split` (see `splits.PRESETS`) decides who is held out. Who is in pairs.txt is held out, and
    tried on as it says in split `test_unpaired`. One picture under two names is one person, so that no split has what
    another holds. `category` and `parser` are of all of them."""

    folder: Path
    split: str = "random"
    category: str = "upper"
    parser: str = "cihp"
    name: ClassVar[str] = "pairs"

    def discover(self) -> tuple[list[RawPair], list[Problem]]:
        """Every pair whose pictures are there, and a problem for every other one; a mask, a parse map or a pose may be
        missing. Raises `InputError` where there are no people or no garments."""
        for name in ("person", "garment"):
            if not pictures_in(self.folder / name):
                raise InputError(f"{self.folder} has no pictures in {name}. {LAYOUT}")
        finds = Finds(self.folder)
        others = self._read(LIST, finds)
        paired = self._paired(others, finds)
        held_out = {self._who(line.person): line for line in [*others, *paired.get("test", [])]}
        for split, lines in paired.items():
            for line in first_of_each((line.person, line) for line in lines):
                held = held_out.get(self._who(line.person))
                if split == "train" and held is not None:
                    finds.fail(line.where, f"{line.where}: {line.person} is held out, as {held.person} ({held.where})")
                else:
                    self._add_worn(line, split, finds)
        for line in others:
            finds.add(self._pair(line.person, line.garment, UNPAIRED), line.where)
        return finds.pairs, finds.problems

    @cached_property
    def _people(self) -> dict[str, str]:
        """Who each picture of `person` shows."""
        return {path.name: _hash(path) for path in pictures_in(self.folder / "person")}

    def _who(self, person: str) -> str:
        return self._people.get(person, person)

    def _paired(self, others: list[Line], finds: Finds) -> dict[str, list[Line]]:
        """People and the garments they wear, by split."""
        if any((self.folder / name).is_file() for name in PAIRED.values()):
            return {split: self._read(name, finds) for split, name in PAIRED.items()}
        held_out, found = {self._who(line.person) for line in others}, dict[str, list[Line]]()
        for path in pictures_in(self.folder / "person"):
            worn, who = self._garment_of(path.name), self._who(path.name)
            split = "test" if who in held_out else PRESETS[self.split](who)
            if worn is not None:
                found.setdefault(split, []).append(Line(path.name, worn.name, f"person/{path.name}"))
            elif who not in held_out:
                finds.fail(path.stem, f"person/{path.name}: no garment/{path.stem} that she wears")
        return found

    def _read(self, name: str, finds: Finds) -> list[Line]:
        """The lines of a list, none where it is not there."""
        path = self.folder / name
        return finds.read(path, (self.folder / "person", self.folder / "garment")) if path.is_file() else []

    def _add_worn(self, line: Line, split: str, finds: Finds) -> None:
        own = self._garment_of(line.person)
        if own is not None and own.name != line.garment:
            finds.fail(
                line.where,
                f"{line.where}: {line.person} with {line.garment}, though garment/{own.name} is there: "
                f"garments that are not worn in the picture belong in {LIST}",
            )
        else:
            finds.add(self._pair(line.person, line.garment, split), line.where)

    def _garment_of(self, person: str) -> Path | None:
        return self._labels("garment", Path(person).stem, (), PICTURES)

    def _labels(self, kind: str, stem: str, endings: tuple[str, ...], suffixes: tuple[str, ...]) -> Path | None:
        """The file of a kind that is called like `stem`, perhaps with one of the official endings."""
        names = (stem + ending + suffix for ending in ("", *endings) for suffix in suffixes)
        return next((path for name in names if (path := file_in(self.folder / kind, name))), None)

    def _pair(self, person: str, garment: str, split: str) -> RawPair:
        stem = Path(person).stem
        parse = self._labels("parse", stem, (), (".png",))
        return RawPair(
            key=safe_key(stem, Path(garment).stem) if split == UNPAIRED else safe_key(stem),
            identity=self._who(person),
            split=split,
            path=f"person/{person}",
            category=self.category,
            person=self.folder / "person" / person,
            garment=self.folder / "garment" / garment,
            parse=parse,
            parser=self.parser if parse else None,
            pose=self._labels("pose", stem, ("_keypoints",), (".json", ".npz", ".npy")),
            mask=self._labels("mask", stem, ("_mask",), PICTURES),
        )


def _hash(path: Path) -> str:
    """Of the file's bytes."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:  # whoever reads it says so
        return path.name

"""The pictures of people and garments in files, where a garment is to be painted, and what is odd about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from humangen.data.masks import decode_mask, region_from_mask
from humangen.data.parsers import check_labels
from humangen.data.regions import check_region, figure_of, region_from_parse, seems_inverted
from humangen.inference.outfits import Beside
from humangen.media import PICTURE_SUFFIXES, decode_labels, decode_picture, has_alpha, open_picture, read_picture
from humangen.pose.files import read_person
from humangen.types import InputError

MASKS = "mask", ("_mask",), (".png", *sorted(PICTURE_SUFFIXES - {".png"}))
PARSES = "parse map", ("_4",), (".png",)
POSES = "pose", ("_keypoints", "_2"), (".json", ".npz", ".npy")


@dataclass(frozen=True)
class Person:
    """A picture uint8 (H, W, 3), the region bool (H, W) that is to be painted, keypoints (128, 3) in [0, 1] where they
    are known, and sentences on what is odd, but no hindrance."""

    pixels: np.ndarray
    region: np.ndarray
    keypoints: np.ndarray | None
    notes: list[str]


@dataclass(frozen=True)
class Wardrobe:
    """Where the region of a person comes from: a mask, a parse map of the labels of `parser`, or a rectangle (left,
    top, right, bottom in pixels of the picture), of which there must be exactly one. `pose` helps the parse map, and
    is what a model that was trained with poses paints by. `category` is upper, lower or dress."""

    mask: Beside | None = None
    parse: Beside | None = None
    rectangle: tuple[int, int, int, int] | None = None
    pose: Beside | None = None
    parser: str = "cihp"
    category: str = "upper"

    def __post_init__(self) -> None:
        given = [name for name in ("mask", "parse", "rectangle") if getattr(self, name) is not None]
        if len(given) != 1:
            count = " and ".join(f"--{name}" for name in given) + " are too many" if given else "none is given"
            raise InputError(
                f"where to paint must come from --mask, from --parse (better with --pose), or from --rectangle: {count}"
            )

    @property
    def files(self) -> dict[str, Beside]:
        """The kinds of files that go with a person, by their options."""
        kinds = {"mask": self.mask, "parse": self.parse, "pose": self.pose}
        return {name: kind for name, kind in kinds.items() if kind is not None}

    def read(self, path: Path) -> Person:
        """Raises `InputError` that names the file which cannot be used."""
        pixels = read_picture(path)
        height, width = pixels.shape[:2]
        keypoints = None if self.pose is None else read_person(self.pose.of(path), height, width)
        notes: list[str] = []
        if self.mask is not None:
            region = self._from_mask(self.mask.of(path), path, pixels, notes)
        elif self.parse is not None:
            region = self._from_parse(self.parse.of(path), path, pixels, keypoints, notes)
        else:
            region = self._from_rectangle(path, height, width)
        return Person(pixels, region, keypoints, notes)

    def _from_mask(self, file: Path, person: Path, pixels: np.ndarray, notes: list[str]) -> np.ndarray:
        region = region_from_mask(read_beside(file, person, pixels, decode_mask), str(file))
        offences = check_region(region, parse=None, parser=None, category=self.category)
        told = [f"{file}: {offence}" for offence in offences]
        if seems_inverted(region):
            raise InputError(told[0])
        notes += told
        return region

    def _from_parse(
        self, file: Path, person: Path, pixels: np.ndarray, keypoints: np.ndarray | None, notes: list[str]
    ) -> np.ndarray:
        parse = read_beside(file, person, pixels, decode_labels)
        check_labels(parse, self.parser, str(file))
        if figure_of(keypoints, *parse.shape) is None:
            notes.append(f"{file}: the region follows the parse map alone, hands and all: no pose with both shoulders")
        region = region_from_parse(parse, keypoints, self.parser, self.category)
        if not region.any():
            raise InputError(f"{file} shows neither {self.category} clothes nor the limbs they go on: nothing to paint")
        offences = check_region(region, parse=parse, parser=self.parser, category=self.category)
        notes += [f"{file}: {offence}" for offence in offences]
        return region

    def _from_rectangle(self, path: Path, height: int, width: int) -> np.ndarray:
        assert self.rectangle is not None
        left, top, right, bottom = self.rectangle
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise InputError(
                f"--rectangle {left} {top} {right} {bottom} is no LEFT TOP RIGHT BOTTOM within {path}, "
                f"which is {width}x{height}"
            )
        region = np.zeros((height, width), bool)
        region[top:bottom, left:right] = True
        return region


def read_beside(file: Path, person: Path, pixels: np.ndarray, decode: Callable[[bytes, str], np.ndarray]) -> np.ndarray:
    """What `decode` makes of a mask or a parse map, uint8 (H, W), of the size of the `person` that `pixels` show."""
    if not file.is_file():
        raise InputError(f"no picture at {file}")
    values = decode(file.read_bytes(), str(file))
    (own_height, own_width), (height, width) = values.shape, pixels.shape[:2]
    if values.shape != (height, width):
        raise InputError(f"{file} is {own_width}x{own_height}, {person} {width}x{height}: they must be of one size")
    return values


def read_garment(path: Path) -> tuple[np.ndarray, list[str]]:
    """The picture of a garment uint8 (H, W, 3), and a sentence where it had to be laid on white."""
    if not path.is_file():
        raise InputError(f"no picture at {path}")
    data = path.read_bytes()
    pixels = decode_picture(data, str(path))
    with open_picture(data, str(path)) as opened:
        alpha = has_alpha(opened)
    return pixels, [f"{path}: its transparency is laid on white"] if alpha else []

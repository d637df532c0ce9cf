"""A try-on sample out of the files that a source found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from data_prep.items import RawPair
from data_prep.masks import laid_over
from data_prep.oddities import oddities
from humangen.data.masks import decode_mask, region_from_mask
from humangen.data.parsers import check_labels, worn_clothes
from humangen.data.regions import check_region, figure_of, head_of, rectangle_region, region_from_parse, seems_inverted
from humangen.data.schema import PairInfo, PairRecord
from humangen.media import decode_labels, decode_picture, encode_picture
from humangen.pose.keypoints import check
from humangen.types import InputError

STORED = ("JPEG", "MPO", "PNG")  # the formats that shards hold


@dataclass(frozen=True)
class Picture:
    """A file's pixels, uint8 RGB (H, W, 3), its bytes where they can be stored as they are, and what was put right."""

    name: str
    pixels: np.ndarray
    data: bytes | None
    repairs: list[str]


def make_pair(
    raw: RawPair,
    *,
    region: str,
    masks: Path | None,
    size: int | None,
    source: str,
    keypoints: np.ndarray | None,
) -> tuple[PairRecord, list[str]]:
    """The sample of `raw`, and notes: what was put right, each beginning with the name of the file, and what is to
    know of its region, each beginning with `the region`.

    `region` is where that comes from: `own` (the source's mask, the parse map where it has none), `parse`, or
    `rectangle` (round whichever of the two there is); KEY.png or PERSON.png in the folder `masks` wins over all.
    `size` is the shorter side of both pictures in pixels; None leaves them as they are, byte for byte where they are
    8-bit RGB JPEG or PNG. `keypoints` are (128, 3) in [0, 1].

    Raises `InputError` for a file that cannot be used, where there is nothing to take the region from, where the parse
    map or the mask has not the shape of the person, and for keypoints none of which is seen.
    """
    person, garment = read(raw.person), read(raw.garment)
    notes = [f"{picture.name}: {repair}" for picture in (person, garment) for repair in picture.repairs]
    shape = person.pixels.shape[:2]
    if keypoints is not None:
        keypoints = check(keypoints[None], f"the pose of {raw.path}")[0]
    parse = None
    if raw.parse is not None and raw.parser is not None:
        parse = _beside(raw.parse, shape, notes, decode_labels)
        check_labels(parse, raw.parser, str(raw.parse))
    painted = _region(raw, region, masks, parse, keypoints, shape, notes)
    notes += check_region(painted, parse=parse, parser=raw.parser, category=raw.category)
    painted = _scaled(painted.astype(np.float32), size) != 0  # every pixel that the person's own scaling mixes with it
    info = PairInfo(
        source=source,
        identity=raw.identity,
        split=raw.split,
        garment=raw.garment.stem,
        category=raw.category,
        height=painted.shape[0],
        width=painted.shape[1],
        parser=None if parse is None else raw.parser,
    )
    pictures = (_stored(person, size, notes), _stored(garment, size, notes))
    parse = None if parse is None else _scaled(parse, size)
    return PairRecord(raw.key, *pictures, painted, info, keypoints, parse, worn=_worn(raw, parse)), notes


def read(path: Path) -> Picture:
    """A picture of any kind that people have; raises `InputError` where there is none that can be read to its end."""
    if not path.is_file():
        raise InputError(f"no picture at {path}")
    data, name = path.read_bytes(), f"{path.parent.name}/{path.name}"
    pixels = decode_picture(data, str(path))
    found = oddities(data, name)
    repairs = found.repairs if found.form in STORED else [*found.repairs, f"{found.form} stored as PNG"]
    return Picture(name, pixels, None if repairs else data, [*repairs, *found.misnamed])


def mask_names(raw: RawPair) -> tuple[str, str]:
    """What a file of the user's own region may be called, the first first."""
    return f"{raw.key}.png", f"{raw.person.stem}.png"


def drawn_mask(raw: RawPair, masks: Path) -> Path | None:
    """The file of the user's own region in the folder `masks`, if there is one."""
    return next((path for name in mask_names(raw) if (path := masks / name).is_file()), None)


def _region(
    raw: RawPair,
    kind: str,
    masks: Path | None,
    parse: np.ndarray | None,
    keypoints: np.ndarray | None,
    shape: tuple[int, int],
    notes: list[str],
) -> np.ndarray:
    """The region, bool of this shape; adds to `notes` where it is not the one that was asked for."""
    if masks is not None:
        if (drawn := drawn_mask(raw, masks)) is not None:
            return _from_mask(drawn, shape, notes)
        notes.append(f"the region is not in {masks}, which has neither {' nor '.join(mask_names(raw))}")
    if kind != "parse" and raw.mask is not None:
        painted = _from_mask(raw.mask, shape, notes)
    elif parse is not None and raw.parser is not None:
        painted = region_from_parse(parse, keypoints, raw.parser, raw.category)
        if kind == "own":
            notes.append("the region is drawn from the parse map: the source has no mask for this person")
        if figure_of(keypoints, *shape) is None:
            notes.append("the region follows the parse map alone, hands and all: no pose with both shoulders")
    else:
        wanted = "a parse map" if kind == "parse" else "a mask or a parse map"
        raise InputError(f"{raw.path} has no region: the source has not {wanted} for it. Draw one, and name --masks")
    if kind != "rectangle":
        return painted
    if parse is None or raw.parser is None:
        return rectangle_region(painted)
    return rectangle_region(painted, head_of(parse, figure_of(keypoints, *shape), raw.parser))


def _from_mask(path: Path, shape: tuple[int, int], notes: list[str]) -> np.ndarray:
    """The region, bool of this shape, that a mask's file marks; one that seems to mark what to keep is refused."""
    region = region_from_mask(_beside(path, shape, notes, decode_mask), str(path))
    if seems_inverted(region):
        raise InputError(f"{path}: {check_region(region, parse=None, parser=None, category='')[0]}")
    return region


def _worn(raw: RawPair, parse: np.ndarray | None) -> np.ndarray | None:
    """Where the garment is in the picture of the person who wears it, bool (H, W), by the parse map; None where it is
    not known."""
    if parse is None or raw.parser is None or not raw.paired:
        return None
    worn = worn_clothes(parse, raw.parser, raw.category)
    return worn if worn.any() else None


def _beside(
    path: Path, shape: tuple[int, int], notes: list[str], decode: Callable[[bytes, str], np.ndarray]
) -> np.ndarray:
    """What `decode` makes of a mask or a parse map, uint8 of this (height, width)."""
    values = decode(path.read_bytes(), str(path))
    if values.shape != shape:
        (height, width), (own_height, own_width) = shape, values.shape
        notes.append(f"{path.parent.name}/{path.name}: brought from {own_width}x{own_height} to {width}x{height}")
    return laid_over(values, shape, str(path), "person")


def _stored(picture: Picture, size: int | None, notes: list[str]) -> bytes:
    """JPEG or PNG bytes: the file's own where nothing has changed, else PNG, which loses nothing more."""
    side = min(picture.pixels.shape[:2])
    if picture.data is not None and size in (None, side):
        return picture.data
    if size is not None and size > side:
        notes.append(f"{picture.name}: enlarged from {side} to {size} pixels on its shorter side")
    return encode_picture(_scaled(picture.pixels, size))


def _scaled(pixels: np.ndarray, size: int | None) -> np.ndarray:
    """Pixels (H, W, 3), shares (H, W), float32, or labels (H, W) by the nearest, with a shorter side of `size`."""
    height, width = pixels.shape[:2]
    scale = 1 if size is None else size / min(height, width)
    if scale == 1:
        return pixels
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    labels = pixels.ndim == 2 and pixels.dtype == np.uint8
    interpolation = cv2.INTER_NEAREST_EXACT if labels else smooth
    return cv2.resize(pixels, (round(width * scale), round(height * scale)), interpolation=interpolation)

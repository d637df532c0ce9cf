"""Mask files: white is what counts, whatever the file's palette, and an inverted mask is told as one."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from humangen.data.masks import decode_mask, person_from_mask, region_from_mask
from humangen.data.regions import (
    check_region,
    edge_share,
    figure_of,
    head_of,
    rectangle_region,
    region_from_parse,
    seems_inverted,
)
from humangen.media import decode_labels
from humangen.pose.files import read_person
from humangen.types import InputError
from tests.unit.tiny import REAL

HEIGHT, WIDTH = 96, 72
real = pytest.mark.skipif(not REAL.is_dir(), reason="no real files here")


def disc() -> np.ndarray:
    """A region that is no rectangle."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return (y - 50) ** 2 + (x - 36) ** 2 < 30**2


def layer(colour: tuple[int, int, int]) -> Callable[[Image.Image], Image.Image]:
    """Strokes of one colour on a transparent layer, as an editor saves them."""

    def drawn(white: Image.Image) -> Image.Image:
        strokes = Image.new("RGBA", white.size, colour)
        strokes.putalpha(white)
        return strokes

    return drawn


def on_clear(colour: tuple[int, int, int]) -> Callable[[Image.Image], Image.Image]:
    """The same, where what is transparent has another colour."""
    return lambda white: Image.composite(
        Image.new("RGBA", white.size, (*colour, 255)), Image.new("RGBA", white.size, (255, 255, 255, 0)), white
    )


def half_clear(white: Image.Image) -> Image.Image:
    """Black and white, the lower part of the black erased."""
    erased = np.asarray(white.convert("RGBA")).copy()
    erased[HEIGHT - 8 :, :, 3] = 0
    return Image.fromarray(erased)


FORMS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "grey": lambda grey: grey,
    "colour": lambda grey: grey.convert("RGB"),
    "two-coloured": lambda grey: grey.convert("1"),
    "quantized": lambda grey: grey.convert("RGB").quantize(2),
    "adaptive palette": lambda grey: grey.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=2),
    "fixed palette": lambda grey: grey.convert("P"),
    "sixteen bits": lambda grey: Image.fromarray(np.asarray(grey).astype(np.uint16) * 257),
    "white layer": layer((255, 255, 255)),
    "layer without colour": layer((0, 0, 0)),
    "red layer": layer((255, 0, 0)),
    "black on clear white": on_clear((0, 0, 0)),
    "black around and clear below": half_clear,
    "opaque": lambda grey: grey.convert("RGBA"),
}


@pytest.mark.parametrize("form", FORMS)
def test_white_is_painted_in_every_kind_of_file(form: str) -> None:
    buffer = io.BytesIO()
    FORMS[form](Image.fromarray(disc().astype(np.uint8) * 255)).save(buffer, "png")
    np.testing.assert_array_equal(region_from_mask(decode_mask(buffer.getvalue(), "mask")), disc())


@pytest.mark.parametrize("form", FORMS)
def test_people_are_white_in_every_kind_of_file(form: str) -> None:
    buffer = io.BytesIO()
    FORMS[form](Image.fromarray(disc().astype(np.uint8) * 255)).save(buffer, "png")
    np.testing.assert_array_equal(person_from_mask(decode_mask(buffer.getvalue(), "mask")), disc())


def test_people_may_be_numbered_and_may_be_away() -> None:
    numbers = disc().astype(np.uint8)
    numbers[50:] *= 3
    np.testing.assert_array_equal(person_from_mask(numbers), disc())
    assert not person_from_mask(np.zeros((HEIGHT, WIDTH), np.uint8)).any()
    buffer = io.BytesIO()
    Image.new("RGBA", (WIDTH, HEIGHT)).save(buffer, "png")
    assert not person_from_mask(decode_mask(buffer.getvalue(), "mask")).any()
    with pytest.raises(InputError, match=r"7.png is no mask: 41% of it is neither black \(nobody\) nor white"):
        person_from_mask(disc().astype(np.uint8) * 120, "7.png")


def test_parse_maps_are_read_by_their_numbers() -> None:
    numbers = disc().astype(np.uint8) * 5
    coloured = Image.fromarray(numbers)
    coloured.putpalette([255, 255, 255] + [0, 0, 0] * 255)
    buffer = io.BytesIO()
    coloured.save(buffer, "png")
    np.testing.assert_array_equal(decode_labels(buffer.getvalue(), "parse map"), numbers)


@pytest.mark.parametrize(
    ("box", "inverted"),
    [
        ((30, 90, 10, 60), False),
        ((30, HEIGHT, 10, 60), False),  # down to the lower edge
        ((HEIGHT // 3, HEIGHT, 0, WIDTH), False),  # a close-up, from side to side
        ((0, HEIGHT, 10, 60), False),  # trousers in a picture from the waist on
        ((2, HEIGHT - 2, 2, WIDTH - 2), True),  # nearly all of the picture
    ],
)
def test_what_is_cut_off_below_is_not_inverted_and_its_inversion_is(box: tuple[int, ...], inverted: bool) -> None:
    top, bottom, left, right = box
    region = np.zeros((HEIGHT, WIDTH), bool)
    region[top:bottom, left:right] = True
    assert seems_inverted(region) == inverted
    assert any("seems inverted" in told for told in offences(region)) == inverted


def offences(region: np.ndarray) -> list[str]:
    return check_region(region, parse=None, parser=None, category="upper")


@real
@pytest.mark.parametrize("name", ["00055_00", "00057_00"])
def test_real_masks_are_good_and_their_inversions_are_not(name: str) -> None:
    path = REAL / "vitonhd" / "test" / "agnostic-mask" / f"{name}_mask.png"
    region = region_from_mask(decode_mask(path.read_bytes(), str(path)))
    assert not offences(region)
    (told,) = offences(~region)
    assert "100% of its edges but the lower one" in told


@real
@pytest.mark.parametrize("category", ["upper", "lower", "dress"])
@pytest.mark.parametrize("posed", [True, False])
def test_regions_of_real_people_hold_no_edge_but_the_lower_one(category: str, posed: bool) -> None:
    viton, dresscode = REAL / "vitonhd_parse" / "test", REAL / "dresscode" / "upper_body"
    people: list[tuple[Path, Path, str]] = [
        (viton / "image-parse-v3" / f"{name}.png", viton / "openpose_json" / f"{name}_keypoints.json", "cihp")
        for name in ("12419_00", "03191_00")
    ]
    people.append((dresscode / "label_maps" / "048462_4.png", dresscode / "keypoints" / "048462_2.json", "atr"))
    for file, pose, parser in people:
        parse = decode_labels(file.read_bytes(), str(file))
        keypoints = read_person(pose, *parse.shape) if posed else None
        region = region_from_parse(parse, keypoints, parser, category)
        head = head_of(parse, figure_of(keypoints, *parse.shape), parser)
        for good in (region, rectangle_region(region, head)):
            assert edge_share(good) == 0
            assert seems_inverted(~good)

"""People and garments out of files: where the region comes from, what is odd about it, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from humangen.inference.outfits import Beside
from humangen.inference.people import MASKS, PARSES, POSES, Wardrobe, read_garment
from humangen.media import write_picture
from humangen.types import InputError
from tests.unit.data.test_regions import CIHP, HEIGHT, WIDTH, drawn, pose

PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def box(value: int = 255) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[60:180, 50:140] = value
    return mask


def tall() -> np.ndarray:
    """As large as VITON-HD's masks, so that it is its place, not its area, that tells an inverted one."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[56:216, 41:152] = 255
    return mask


@pytest.fixture
def person(tmp_path: Path) -> Path:
    write_picture(tmp_path / "person" / "anna.png", PIXELS)
    return tmp_path / "person" / "anna.png"


def masked(tmp_path: Path, mask: np.ndarray, name: str = "anna_mask.png") -> Wardrobe:
    write_picture(tmp_path / name, mask)
    return Wardrobe(mask=Beside(tmp_path / name, *MASKS))


def test_a_mask_is_read_as_it_is(person: Path, tmp_path: Path) -> None:
    for mask in (box(), box(1), np.repeat(box()[..., None], 3, 2)):
        found = masked(tmp_path, mask).read(person)
        np.testing.assert_array_equal(found.region, box() > 0)
        np.testing.assert_array_equal(found.pixels, PIXELS)
        assert not found.notes
        assert found.keypoints is None
    in_folder = Wardrobe(mask=Beside(tmp_path, *MASKS)).read(person)
    np.testing.assert_array_equal(in_folder.region, box() > 0)


def test_a_mask_with_ringing_is_read_in_silence(person: Path, tmp_path: Path) -> None:
    Image.fromarray(box()).save(tmp_path / "ringing.jpg", quality=60)
    found = Wardrobe(mask=Beside(tmp_path / "ringing.jpg", *MASKS)).read(person)
    assert (found.region != (box() > 0)).mean() < 0.005
    assert not found.notes


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (255 - box(), "bad.png: the region seems inverted: it holds 78.0% of the picture, and 100% of its edges"),
        (255 - tall(), "bad.png: the region seems inverted: it holds 63.9% of the picture, and 100% of its edges"),
        (box(0), "bad.png marks nothing to paint"),
        (np.where(PIXELS[..., 0] > 90, 128, box()).astype(np.uint8), "bad.png is no mask"),
        (box()[:-1], f"bad.png is {WIDTH}x{HEIGHT - 1}, .*anna.png {WIDTH}x{HEIGHT}: they must be of one size"),
    ],
)
def test_bad_masks_are_refused_by_name(person: Path, tmp_path: Path, mask: np.ndarray, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        masked(tmp_path, mask, "bad.png").read(person)


def test_a_small_mask_is_told(person: Path, tmp_path: Path) -> None:
    small = np.zeros((HEIGHT, WIDTH), np.uint8)
    small[:20, :20] = 255
    (note,) = masked(tmp_path, small).read(person).notes
    assert "anna_mask.png: the region is 0.8% of the picture" in note


def test_files_that_cannot_be_read_are_named(person: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no picture at .*nowhere.png"):
        Wardrobe(mask=Beside(tmp_path / "nowhere.png", *MASKS)).read(person)
    (tmp_path / "broken.png").write_bytes(person.read_bytes()[:999])
    with pytest.raises(InputError, match=r"broken.png is not a picture"):
        Wardrobe(mask=Beside(tmp_path / "broken.png", *MASKS)).read(person)
    with pytest.raises(InputError, match=r"broken.png is not a picture"):
        masked(tmp_path, box()).read(tmp_path / "broken.png")
    for path in (tmp_path / "nowhere.png", tmp_path / "broken.png"):
        with pytest.raises(InputError, match=re.escape(str(path))):
            read_garment(path)


def test_a_parse_map_and_a_pose_make_a_region(person: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "parse.png", drawn(CIHP))
    np.savez(tmp_path / "pose.npz", keypoints=pose()[None])
    parse, keypoints = Beside(tmp_path / "parse.png", *PARSES), Beside(tmp_path / "pose.npz", *POSES)
    found = Wardrobe(parse=parse, pose=keypoints).read(person)
    assert found.region[drawn(CIHP) == CIHP["top"]].all()
    assert not found.region[drawn(CIHP) == CIHP["face"]].any()
    assert not found.notes
    np.testing.assert_array_equal(found.keypoints, pose())
    lower = Wardrobe(parse=parse, pose=keypoints, category="lower").read(person)
    assert lower.region[drawn(CIHP) == CIHP["trousers"]].all()
    (note,) = Wardrobe(parse=parse).read(person).notes
    assert "parse.png: the region follows the parse map alone" in note
    write_picture(tmp_path / "parse.png", np.full((HEIGHT, WIDTH), 200, np.uint8))
    with pytest.raises(InputError, match=r"parse.png holds 200, and cihp has labels 0 to 19"):
        Wardrobe(parse=parse).read(person)
    write_picture(tmp_path / "parse.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    with pytest.raises(InputError, match=r"parse.png shows neither upper clothes"):
        Wardrobe(parse=parse).read(person)


def test_a_rectangle_is_in_pixels(person: Path) -> None:
    found = Wardrobe(rectangle=(10, 20, 100, 200)).read(person)
    assert found.region[20:200, 10:100].all()
    assert found.region.sum() == 180 * 90
    for wrong in ((10, 20, 10, 200), (-1, 0, 5, 5), (0, 0, WIDTH + 1, 9), (0, 9, 5, 3)):
        with pytest.raises(InputError, match=rf"--rectangle .* within .*anna.png, which is {WIDTH}x{HEIGHT}"):
            Wardrobe(rectangle=wrong).read(person)


def test_there_is_one_source_of_the_region(tmp_path: Path) -> None:
    mask, parse = Beside(tmp_path, *MASKS), Beside(tmp_path, *PARSES)
    with pytest.raises(InputError, match=r"--mask, from --parse .*, or from --rectangle: none is given"):
        Wardrobe(pose=Beside(tmp_path, *POSES))
    with pytest.raises(InputError, match="--mask and --parse are too many"):
        Wardrobe(mask=mask, parse=parse)


def test_transparency_is_laid_on_white_and_told(tmp_path: Path) -> None:
    alpha = np.dstack([PIXELS, np.where(box() > 0, 255, 0).astype(np.uint8)])
    Image.fromarray(alpha).save(tmp_path / "top.png")
    pixels, notes = read_garment(tmp_path / "top.png")
    assert (pixels[box() == 0] == 255).all()
    assert notes == [f"{tmp_path}/top.png: its transparency is laid on white"]
    write_picture(tmp_path / "top.png", PIXELS)
    assert not read_garment(tmp_path / "top.png")[1]

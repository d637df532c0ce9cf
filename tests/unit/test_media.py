"""Pictures and videos as people have them."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from humangen.media import (
    contact_sheet,
    fit_picture,
    gif,
    read_picture,
    replacing,
    to_tensor,
    to_uint8,
    write_picture,
)
from humangen.types import InputError
from tests.unit.tiny import REAL


def colours(height: int = 24, width: int = 36) -> np.ndarray:
    """A smooth picture whose corners all differ."""
    rows, columns = np.indices((height, width))
    return np.stack([rows * 255 // height, columns * 255 // width, 255 - rows * 255 // height], -1).astype(np.uint8)


def moving(height: int, width: int, frames: int = 6) -> np.ndarray:
    return np.stack([np.roll(colours(height, width), 3 * frame, 1) for frame in range(frames)])


def saved(folder: Path, picture: Image.Image, name: str = "picture.png", **options: object) -> Path:
    picture.save(folder / name, **options)
    return folder / name


def test_a_picture_comes_back(tmp_path: Path) -> None:
    write_picture(tmp_path / "deep" / "picture.png", colours())
    np.testing.assert_array_equal(read_picture(tmp_path / "deep" / "picture.png"), colours())


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    pixels = np.dstack([colours(), np.full((24, 36), 255, np.uint8)])
    pixels[:12, :, 3] = 0
    read = read_picture(saved(tmp_path, Image.fromarray(pixels)))
    assert (read[:12] == 255).all()
    np.testing.assert_array_equal(read[12:], colours()[12:])


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK"])
def test_every_mode_is_read_as_rgb(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(colours()).convert(mode)
    path = saved(tmp_path, picture, "picture.tiff" if mode == "CMYK" else "picture.png")
    read = read_picture(path)
    assert read.shape == (24, 36, 3)
    assert read.dtype == np.uint8
    expected = np.asarray(picture.convert("RGB"), int)
    assert np.abs(read - expected).max() <= 1


def test_a_palette_with_a_transparent_colour_is_laid_on_white(tmp_path: Path) -> None:
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((3, 3), 1)
    read = read_picture(saved(tmp_path, picture, transparency=0))
    assert read[0, 0].tolist() == [255, 255, 255]
    assert read[3, 3].tolist() == [200, 100, 50]


@pytest.mark.parametrize("brightest", [65535, 20000])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, brightest: int) -> None:
    """Half grey stays half grey, whatever else is in the picture."""
    values = np.linspace(0, brightest, 24 * 36).reshape(24, 36).astype(np.uint16)
    read = read_picture(saved(tmp_path, Image.fromarray(values)))
    assert np.abs(read - (values / 257)[..., None]).max() <= 1


@pytest.mark.parametrize(("tag", "turn"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_pictures_stand_upright(tmp_path: Path, tag: int, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = tag
    path = saved(tmp_path, Image.fromarray(colours()), "picture.jpg", exif=exif, quality=98)
    read = read_picture(path)
    expected = np.rot90(colours(), turn)
    assert read.shape == expected.shape
    assert np.abs(read - expected.astype(int)).mean() < 4


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "folder", "absent"])
def test_what_is_no_picture_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.png"
    if kind == "text":
        path.write_text("not a picture")
    elif kind == "empty":
        path.touch()
    elif kind == "cut":
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:3000])
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(InputError, match=r"picture\.png"):
        read_picture(path)


def test_damaged_pictures_are_read_or_named(tmp_path: Path) -> None:
    """Whatever byte is wrong, no other error comes out."""
    random = np.random.default_rng(0)
    for suffix in (".png", ".jpg", ".bmp", ".webp"):
        whole = io.BytesIO()
        Image.fromarray(colours()).save(whole, "JPEG" if suffix == ".jpg" else suffix[1:].upper())
        for _ in range(60):
            data = bytearray(whole.getvalue())
            data[random.integers(len(data))] ^= int(random.integers(1, 256))
            path = tmp_path / f"picture{suffix}"
            path.write_bytes(data)
            with contextlib.suppress(InputError):
                assert read_picture(path).shape[-1] == 3


@pytest.mark.parametrize(("height", "width"), [(48, 48), (20, 100), (100, 20), (24, 36), (7, 9)])
def test_fitting_keeps_the_aspect_and_fills_with_the_border(height: int, width: int) -> None:
    picture = np.full((24, 36, 3), 50, np.uint8)
    picture[8:16, 12:24] = 250  # a box of a third of each side
    fitted = fit_picture(picture, height, width)
    assert fitted.shape == (height, width, 3)
    rows, columns = np.nonzero(fitted[..., 0] > 150)
    scale = min(height / 24, width / 36)
    assert np.ptp(columns) + 1 == pytest.approx(12 * scale, abs=1.5)
    assert np.ptp(rows) + 1 == pytest.approx(8 * scale, abs=1.5)
    assert (fitted[0] < 60).all()
    assert abs(columns.mean() - (width - 1) / 2) <= 1
    assert abs(rows.mean() - (height - 1) / 2) <= 1


def test_a_failed_write_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("on purpose")

    (tmp_path / "old.txt").write_text("old")
    for name in ("old.txt", "new.txt"):
        with pytest.raises(RuntimeError, match="on purpose"):
            fail(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]
    assert (tmp_path / "old.txt").read_text() == "old"
    with replacing(tmp_path / "old.txt") as temporary:
        temporary.write_text("new")
        assert (tmp_path / "old.txt").read_text() == "old"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new"]


def test_pixels_and_tensors_are_the_same_numbers() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    tensor = to_tensor(pixels)
    assert tensor.shape == (1, 3, 16, 16)
    assert (tensor.min(), tensor.max()) == (-1, 1)
    np.testing.assert_array_equal(to_uint8(tensor), pixels)
    assert to_uint8(torch.tensor([-9.0, 0.0, 9.0]).reshape(3, 1, 1)).tolist() == [[[0, 128, 255]]]


def test_sheets_and_gifs_hold_every_picture() -> None:
    frames = moving(16, 16)
    sheet = contact_sheet([list(frames[:3]), [frames[3]]], gap=2)
    assert sheet.shape == (2 * 18 + 2, 3 * 18 + 2, 3)
    np.testing.assert_array_equal(sheet[20:36, 2:18], frames[3])
    with Image.open(io.BytesIO(gif(frames, 10))) as moved:
        assert moved.n_frames == len(frames)
        assert moved.info["duration"] == 100


@pytest.mark.skipif(not REAL.is_dir(), reason="no real pictures here")
def test_real_references_are_read_and_fitted() -> None:
    paths = sorted((REAL / "references").glob("*.png"))
    assert paths
    for path in paths:
        picture = read_picture(path)
        with Image.open(path) as opened:
            assert picture.shape == (opened.height, opened.width, 3)
        assert fit_picture(picture, 128, 96).shape == (128, 96, 3)

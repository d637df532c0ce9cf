"""What is stored is what the source shows: frames, order, size, rate, pixels, keypoints, masks."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from data_prep.items import safe_key
from data_prep.masks import laid_over
from humangen.data.schema import ClipRecord
from humangen.types import InputError
from tests.unit.data_prep.drawn import (
    JOINTS,
    clip_folder,
    drawn_poses,  # noqa: F401
    joints,
    ledger,
    mask,
    number_of,
    picture,
    pictures,
    prepare,
    psnr,
    records,
    video,
)

OURS = [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]  # where COCO's 17 are among our 18


def frames_of(record: ClipRecord) -> np.ndarray:
    return record.open().frames(range(record.info.num_frames))


@pytest.mark.usefixtures("drawn_poses")
@pytest.mark.parametrize(("split", "likeness"), [("train", 35), ("test", 130)])
@pytest.mark.parametrize(("height", "width"), [(64, 48), (65, 51), (50, 97)])
def test_a_video_arrives_as_it_is(tmp_path: Path, height: int, width: int, split: str, likeness: float) -> None:
    """What is scored to the bit."""
    drawn = pictures(10, height + height % 2, width + width % 2)
    video(tmp_path / "raw" / "anna" / "a.mkv", [one[:height, :width] for one in drawn], codec="ffv1", pixels="bgr0",
          fps=Fraction(24000, 1001))  # fmt: skip
    assert prepare("videos", tmp_path / "raw", tmp_path / "out", "--split", split) == 0
    (record,) = records(tmp_path / "out", split)
    info = record.info
    assert (info.identity, info.split, info.num_frames) == ("anna", split, 10)
    assert info.fps == pytest.approx(24000 / 1001)
    assert record.open().fps == pytest.approx(24000 / 1001)
    stored = frames_of(record)
    assert stored.shape[1:3] == (info.height, info.width) == (height + height % 2, width + width % 2)
    assert [number_of(one) for one in stored] == list(range(10))
    for one, other in zip(stored, drawn, strict=True):
        assert psnr(one[:height, :width], other[:height, :width]) >= likeness
    in_pixels = record.keypoints[:, OURS, :2] * [info.width, info.height]
    np.testing.assert_allclose(in_pixels, np.broadcast_to(JOINTS * [width, height], in_pixels.shape), atol=0.01)


@pytest.mark.parametrize("more", [(), ("--size", "31"), ("--size", "64"), ("--size", "96"), ("--size", "98")])
@pytest.mark.parametrize(("height", "width"), [(98, 147), (131, 97)])
def test_pictures_keypoints_and_masks_stay_aligned(tmp_path: Path, height: int, width: int, more: tuple) -> None:
    clip_folder(tmp_path / "raw" / "001", 6, height, width)
    assert prepare("tiktok", tmp_path / "raw", tmp_path / "out", *more) == 0
    (record,) = records(tmp_path / "out")
    info, stored, shorter = record.info, frames_of(record), min(height, width)
    side = int(more[1]) // 2 * 2 if more and int(more[1]) < shorter else None
    assert stored.shape[1:3] == (info.height, info.width)
    if side is None:
        assert (info.height, info.width) == (height + height % 2, width + width % 2)
    else:
        assert min(info.height, info.width) == side
        assert max(info.height, info.width) == pytest.approx(side * max(height, width) / shorter, abs=1)
    scale = 1 if side is None else np.array([info.width / width, info.height / height])
    assert info.fps == 30
    for number, one in enumerate(stored):
        assert number_of(one) == number
        places = record.keypoints[number, OURS, :2] * [info.width, info.height]
        np.testing.assert_allclose(places, joints(number, height, width)[:, :2] * scale, atol=0.01)
        if side is None:
            assert psnr(one[:height, :width], picture(number, height, width)) > 35
            np.testing.assert_array_equal(record.figure[number, :height, :width], mask(number, height, width) > 0)
        rows, columns = record.figure[number].nonzero()
        edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        corners = np.concatenate([places.min(0), places.max(0) + np.broadcast_to(scale, 2)])
        np.testing.assert_allclose(edges, corners, atol=1)
    left, top, right, bottom = np.array(info.box) * [info.width, info.height, info.width, info.height]
    seen = record.keypoints[:, OURS, :2].reshape(-1, 2) * [info.width, info.height]
    np.testing.assert_allclose([left, top, right, bottom], [*seen.min(0), *seen.max(0)], atol=1.5)  # or the masks


def transparent(white: np.ndarray) -> Image.Image:
    layer = np.zeros((*white.shape, 4), np.uint8)
    layer[..., 3] = white
    return Image.fromarray(layer)


MASKS = {
    "transparent": transparent,
    "numbered": lambda white: Image.fromarray(white // 255 * 3),
    "doubled": lambda white: Image.fromarray(white.repeat(2, 0).repeat(2, 1)),
}


@pytest.mark.parametrize("form", MASKS)
def test_masks_of_people_are_read_by_what_they_show(tmp_path: Path, form: str) -> None:
    folder = clip_folder(tmp_path / "raw" / "001", 3)
    for number, path in enumerate(sorted((folder / "groundsam").iterdir())):
        MASKS[form](mask(number, 64, 48)).save(path)
    assert prepare("tiktok", tmp_path / "raw", tmp_path / "out") == 0
    (record,) = records(tmp_path / "out")
    np.testing.assert_array_equal(record.figure, [mask(number, 64, 48) > 0 for number in range(3)])
    assert not ledger(tmp_path / "out")


def test_masks_of_another_shape_are_refused(tmp_path: Path) -> None:
    for name in ("001", "002"):
        clip_folder(tmp_path / "raw" / name, 3, seed=int(name))
    path = tmp_path / "raw" / "001" / "groundsam" / "000002.png.mask.png"
    Image.fromarray(mask(1, 48, 48)).save(path)
    assert prepare("tiktok", tmp_path / "raw", tmp_path / "out") == 0
    assert [record.key for record in records(tmp_path / "out")] == ["tiktok-002"]
    reasons = [line["reason"] for line in ledger(tmp_path / "out")]
    assert reasons == [f"{path} is 48x48, the frame 48x64: they must match in shape"]


def test_sizes_may_be_rounded_and_no_more() -> None:
    assert laid_over(np.ones((107, 60), np.uint8), (1280, 720), "mask", "frame").shape == (1280, 720)
    with pytest.raises(InputError, match="mask is 60x105, the frame 720x1280"):
        laid_over(np.ones((105, 60), np.uint8), (1280, 720), "mask", "frame")


@pytest.mark.usefixtures("drawn_poses")
def test_one_less_than_the_source_is_a_size_too(tmp_path: Path) -> None:
    """Which rounds back to the source's own height, but not to its width."""
    video(tmp_path / "raw" / "a.mp4", pictures(4, 72, 128))
    assert prepare("videos", tmp_path / "raw", tmp_path / "out", "--size", "71", "--split", "train") == 0
    (record,) = records(tmp_path / "out")
    assert frames_of(record).shape[1:3] == (record.info.height, record.info.width) == (70, 124)


def test_unpadded_numbers_are_counted_not_spelt(tmp_path: Path) -> None:
    folder = clip_folder(tmp_path / "raw" / "001", 12)
    for path in sorted(folder.rglob("*.*")):
        path.rename(path.with_name(path.name.lstrip("0")))
    assert prepare("tiktok", tmp_path / "raw", tmp_path / "out") == 0
    (record,) = records(tmp_path / "out")
    assert [number_of(one) for one in frames_of(record)] == list(range(12))
    assert record.figure is not None


@pytest.mark.usefixtures("drawn_poses")
def test_rows_of_a_table_are_their_clips(tmp_path: Path) -> None:
    """Also where the rows of two clips alternate, and a line is blank."""

    def row(clip: int, number: int, pixels: np.ndarray) -> str:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "png")
        return f"TiktokDance_{clip:03d}_{number:04d}\t{base64.b64encode(buffer.getvalue()).decode()}\r\n"

    rows = [(clip, number) for number in range(4) for clip in (1, 2)]
    (tmp_path / "raw").mkdir()
    images = [row(clip, number, picture(number, seed=clip)) for clip, number in rows]
    (tmp_path / "raw" / "train_images.tsv").write_text("".join([*images[:3], "\n", *images[3:]]), newline="")
    masks = [row(clip, number, mask(number, 64, 48)) for clip, number in reversed(rows)]
    (tmp_path / "raw" / "train_masks.tsv").write_text("".join(masks), newline="")
    assert prepare("tiktok", tmp_path / "raw", tmp_path / "out") == 0
    found = records(tmp_path / "out")
    assert [record.info.identity for record in found] == ["tiktok-001", "tiktok-002"]
    for clip, record in enumerate(found, start=1):
        for number, one in enumerate(frames_of(record)):
            assert psnr(one, picture(number, seed=clip)) > 35
            np.testing.assert_array_equal(record.figure[number], mask(number, 64, 48) > 0)


@pytest.mark.usefixtures("drawn_poses")
@pytest.mark.parametrize("options", [{"bf": "3"}, {"x264-params": "open-gop=1:bframes=3:keyint=12"}])
def test_two_shots_become_two_samples(tmp_path: Path, options: dict[str, str]) -> None:
    drawn = [*pictures(31, seed=1), *(picture(31 + number, seed=5) for number in range(25))]
    drawn = [one if number < 31 else 255 - one for number, one in enumerate(drawn)]
    video(tmp_path / "raw" / "anna" / "dance.mp4", drawn, options=options)
    assert prepare("videos", tmp_path / "raw", tmp_path / "out", "--split", "train") == 0
    first, second = records(tmp_path / "out")
    key = safe_key("anna/dance.mp4")
    assert (first.key, second.key) == (f"{key}+000", f"{key}+001")
    assert first.info.identity == second.info.identity == "anna"
    stored = [*frames_of(first), *frames_of(second)]
    assert (first.info.num_frames, second.info.num_frames) == (31, 25)
    assert min(psnr(one, other) for one, other in zip(stored, drawn, strict=True)) > 35
    lines = [json.loads(line) for line in (tmp_path / "out/train/manifest.jsonl").read_text().splitlines()]
    assert [(line["start"], line["frames"]) for line in lines] == [(0, 31), (31, 25)]
    with av.open(str(tmp_path / "raw" / "anna" / "dance.mp4")) as file:
        decoded = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    firsts = [hashlib.sha256(decoded[start].tobytes()).hexdigest() for start in (0, 31)]
    assert [line["first_frame_sha256"] for line in lines] == firsts
    assert not ledger(tmp_path / "out")


def test_what_is_odd_about_pictures_is_told(tmp_path: Path) -> None:
    """As it is of a try-on sample's."""
    first, second, third = sorted(clip_folder(tmp_path / "raw" / "001", 3).glob("*.png"))
    Image.open(first).quantize(16).save(first, transparency=0)
    Image.open(second).save(second, "jpeg", quality=95)
    Image.open(third).convert("L").save(third)
    assert prepare("tiktok", tmp_path / "raw", tmp_path / "out") == 0
    assert [(line["outcome"], line["reason"]) for line in ledger(tmp_path / "out")] == [
        ("repaired", "1 pictures: alpha laid on white"),
        ("repaired", "1 pictures: colours turned from L to RGB"),
        ("repaired", "1 pictures: holds JPEG, whatever its name says"),
    ]
    assert len(records(tmp_path / "out")) == 1


def test_pictures_are_one_shot(tmp_path: Path) -> None:
    folder = clip_folder(tmp_path / "raw" / "001", 40)
    for path in sorted(folder.glob("*.png"))[20:]:
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    assert prepare("tiktok", tmp_path / "raw", tmp_path / "out") == 0
    assert [record.info.num_frames for record in records(tmp_path / "out")] == [40]

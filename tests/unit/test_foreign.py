"""Pictures that others painted: matched by their ids, lossless, of one size, and scored like our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import evaluate
from humangen.evaluation import Exam
from humangen.foreign import Folder, evaluate_folder
from humangen.inference.ranks import OneRank
from humangen.media import write_picture
from humangen.metrics.measure import Measure
from humangen.metrics.protocols import AnimationProtocol, TryOnProtocol
from humangen.types import InputError

SIZE = 24, 16


def exam() -> Exam:
    return Exam(AnimationProtocol("test", 1, ["psnr", "ssim", "l1"]), None, "", OneRank(), None)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    folder = tmp_path / "truth"
    for number in range(2):
        for frame in range(3):
            write_picture(folder / f"clip{number}" / f"{frame:03d}.png", picture(10 * number + frame))
    write_picture(folder / "still.png", picture(99))
    return folder


def copy_of(truth: Path, target: Path, change: int = 0) -> Path:
    for path in truth.rglob("*.png"):
        pixels = np.asarray(Image.open(path)).astype(int) + change
        write_picture(target / path.relative_to(truth), pixels.clip(0, 255).astype(np.uint8))
    return target


def test_the_truth_itself_is_perfect_and_a_change_is_not(truth: Path, tmp_path: Path) -> None:
    same = evaluate_folder(copy_of(truth, tmp_path / "same"), truth, exam(), SIZE, tmp_path / "out")
    assert same["scores"] == pytest.approx({"psnr": 100.0, "ssim": 1.0, "l1": 0.0})
    assert same["samples"] == 3
    assert same["resolution"] == list(SIZE)
    other = evaluate_folder(copy_of(truth, tmp_path / "other", 10), truth, exam(), SIZE, tmp_path / "out")
    assert 25 < other["scores"]["psnr"] < 30
    assert set(other["floors"]) == {"grey"}  # no reference is given: to repeat the truth's first frame is none
    assert set(other["intervals_beside"]) == set(other["floors"]) | set(other["ceilings"])
    for row, ends in other["intervals_beside"].items():
        scores = {**other["floors"], **other["ceilings"]}[row]
        assert set(ends) == set(scores)
        assert all(low <= scores[name] <= high for name, (low, high) in ends.items())


def test_pictures_are_left_beside_the_truth_without_poses_that_nobody_knows(truth: Path, tmp_path: Path) -> None:
    evaluate_folder(copy_of(truth, tmp_path / "same"), truth, exam(), SIZE, tmp_path / "out")
    left = {path.relative_to(tmp_path / "out/clips").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    moving = {f"clip{number}/{name}.gif" for number in range(2) for name in ("painted", "truth")}
    still = {f"still/{name}.png" for name in ("painted", "truth")}
    assert left == moving | still


def test_a_truth_is_known_by_its_pixels_and_ids(truth: Path, tmp_path: Path) -> None:
    known = Folder(truth).sha256
    same = copy_of(truth, tmp_path / "same")
    Image.open(same / "still.png").save(same / "still.png", compress_level=0)
    assert (same / "still.png").read_bytes() != (truth / "still.png").read_bytes()
    assert Folder(same).sha256 == known
    assert Folder(copy_of(truth, tmp_path / "other", 1)).sha256 != known
    (same / "still.png").rename(same / "moved.png")
    assert Folder(same).sha256 != known


def test_unequal_sets_are_an_error_that_names_both_sides(truth: Path, tmp_path: Path) -> None:
    painted = copy_of(truth, tmp_path / "painted")
    (painted / "still.png").rename(painted / "moved.png")
    with pytest.raises(InputError, match=r"1 of .*truth are not in .*still.*1 in .*painted are not of .*moved"):
        evaluate_folder(painted, truth, exam(), SIZE, tmp_path / "out")


def test_lossy_files_are_refused(truth: Path, tmp_path: Path) -> None:
    painted = copy_of(truth, tmp_path / "painted")
    Image.fromarray(picture(1)).save(painted / "still.jpg")
    with pytest.raises(InputError, match=r"still\.jpg is no PNG"):
        Folder(painted).frames  # noqa: B018


def test_another_size_or_length_is_named(truth: Path, tmp_path: Path) -> None:
    painted = copy_of(truth, tmp_path / "painted")
    (painted / "clip1" / "002.png").unlink()
    with pytest.raises(InputError, match=r"clip1 is 2x16x24 .*3x16x24"):
        evaluate_folder(painted, truth, exam(), SIZE, tmp_path / "out")
    with pytest.raises(InputError, match="this protocol is at 20x30"):
        evaluate_folder(painted, truth, exam(), (30, 20), tmp_path / "out")


def test_an_empty_folder_and_none_are_named(tmp_path: Path) -> None:
    for folder, sentence in ((tmp_path, "no PNG in"), (tmp_path / "none", "no folder at")):
        with pytest.raises(InputError, match=sentence):
            Folder(folder).frames  # noqa: B018


def test_a_protocol_of_regions_needs_its_own_data(truth: Path, tmp_path: Path) -> None:
    regions = Exam(TryOnProtocol("regions", 1, ["psnr_box"]), None, "", OneRank(), None)
    with pytest.raises(InputError, match="regions looks into regions"):
        evaluate_folder(truth, truth, regions, SIZE, tmp_path / "out")


def renamed(truth: Path, target: Path, pattern: str) -> Path:
    """The frames of clips under other names: numbers that begin with 9."""
    for path in truth.glob("clip*/*.png"):
        write_picture(target / path.parent.name / pattern.format(9 + int(path.stem)), np.asarray(Image.open(path)))
    write_picture(target / "still.png", np.asarray(Image.open(truth / "still.png")))
    return target


@pytest.mark.parametrize("pattern", ["{}.png", "frame_{}.png", "clip7-{}_painted.png", "{:05d}.png"])
def test_frames_are_in_the_order_of_their_numbers(truth: Path, tmp_path: Path, pattern: str) -> None:
    painted = renamed(truth, tmp_path / "painted", pattern)
    scores = evaluate_folder(painted, truth, exam(), SIZE, tmp_path / "out")["scores"]
    assert scores == pytest.approx({"psnr": 100.0, "ssim": 1.0, "l1": 0.0})


@pytest.mark.parametrize("other", ["clip0/1.png", "clip0/one.png", "clip0/001_2.png", "clip0.png"])
def test_frames_whose_order_nobody_knows_are_refused(truth: Path, other: str) -> None:
    write_picture(truth / other, picture(1))
    with pytest.raises(InputError, match=r"clip0.*do not tell which comes first"):
        Folder(truth).frames  # noqa: B018


def test_what_reading_would_change_is_refused_whatever_it_is_called(truth: Path) -> None:
    path = truth / "still.png"
    grey = Image.fromarray(picture(1)[..., 0])
    grey.save(path)
    assert (Folder(truth).clip("still") == picture(1)[None, ..., :1]).all()
    rgb = Image.fromarray(picture(1))
    rgb.save(path, "jpeg")
    with pytest.raises(InputError, match=r"still\.png is no PNG, whatever its name says"):
        Folder(truth).clip("still")
    deep = picture(1)[..., 0].astype(np.uint16) * 256
    for changed in (rgb.convert("RGBA"), rgb.quantize(), grey.convert("1"), Image.fromarray(deep)):
        changed.save(path, "png")
        with pytest.raises(InputError, match=r"still\.png has transparency, a palette, or other than 8 bits"):
            Folder(truth).clip("still")
    rgb.save(path, "png", transparency=(0, 0, 0))
    with pytest.raises(InputError, match=r"still\.png has transparency"):
        Folder(truth).clip("still")
    path.write_bytes(sixteen_bits(*SIZE))
    with pytest.raises(InputError, match=r"still\.png has transparency, a palette, or other than 8 bits"):
        Folder(truth).clip("still")


def sixteen_bits(height: int, width: int) -> bytes:
    """An RGB PNG of 16 bits a channel, of which PIL would read 8."""
    coloured = np.random.default_rng(0).integers(0, 2**16, (height, width, 3), np.uint16)
    return cv2.imencode(".png", coloured)[1].tobytes()


def test_networks_look_where_they_are_told(truth: Path, tmp_path: Path) -> None:
    asked = []

    class Noting(Exam):
        def measures(self, paintings: Sequence[str], device: torch.device) -> dict[str, Measure]:
            asked.append(device)
            return super().measures(paintings, torch.device("cpu"))

    noting, made = Noting(**vars(exam())), tmp_path / "out"
    with pytest.raises(RuntimeError, match=r"meta|Meta"):  # where nothing can be computed
        evaluate_folder(copy_of(truth, tmp_path / "same"), truth, noting, SIZE, made, torch.device("meta"))
    assert asked == [torch.device("meta")]


def test_a_result_names_the_folder_from_the_root(truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painted = copy_of(truth, tmp_path / "same")
    monkeypatch.chdir(tmp_path)
    assert evaluate_folder(Path("same"), truth, exam(), SIZE, tmp_path / "out")["predictions"] == str(painted)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ({"predictions": "", "truth": "T"}, "predictions= is empty"),
        ({"predictions": "P", "truth": " "}, "truth= is empty"),
        ({"checkpoint": ""}, "checkpoint= is empty"),
        ({"truth": "T"}, "truth= is what predictions= are held against"),
    ],
)
def test_a_folder_that_is_named_by_nothing_is_an_error(named: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        evaluate.run({"checkpoint": "shipped", "predictions": None, "truth": None, **named})

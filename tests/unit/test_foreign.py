"""Pictures that others painted: matched by their ids, lossless, of one size, and scored like our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from humangen.evaluation import Exam
from humangen.foreign import Folder, evaluate_folder
from humangen.inference.ranks import OneRank
from humangen.media import write_picture
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
    assert set(other["floors"]) == {"repeat_reference", "grey"}
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
    references = {f"{key}/reference.png" for key in ("clip0", "clip1", "still")}
    assert left == moving | still | references


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

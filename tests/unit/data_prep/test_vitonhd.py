"""VITON-HD: its lists, its layout, and what is said of what is wrong with them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data_prep.items import Problem, RawPair
from data_prep.sources.vitonhd import VitonHdSource
from humangen.media import write_picture
from humangen.types import InputError

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "real"
NAMES = {"train": ("00000_00", "00001_00"), "test": ("00055_00", "00057_00", "00064_00")}


def draw(path: Path) -> None:
    write_picture(path, np.zeros((8, 6, 3), np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Both parts as the archive has them, and lists that are unpaired, both."""
    for part, names in NAMES.items():
        for name in names:
            for kind in ("image", "cloth", "cloth-mask"):
                draw(tmp_path / part / kind / f"{name}.jpg")
            draw(tmp_path / part / "image-parse-v3" / f"{name}.png")
            draw(tmp_path / part / "agnostic-mask" / f"{name}_mask.png")
            pose = tmp_path / part / "openpose_json" / f"{name}_keypoints.json"
            pose.parent.mkdir(exist_ok=True)
            pose.write_text("{}")
        lines = [f"{name}.jpg {other}.jpg" for name, other in zip(names, names[1:] + names[:1], strict=True)]
        (tmp_path / f"{part}_pairs.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def found(folder: Path) -> tuple[dict[tuple[str, str], RawPair], list[Problem]]:
    pairs, problems = VitonHdSource(folder).discover()
    assert len({pair.key for pair in pairs}) == len(pairs)
    assert all(problem.stage == "discover" for problem in problems)
    return {(pair.split, pair.key): pair for pair in pairs}, problems


def test_training_and_paired_testing_take_the_garment_worn(folder: Path) -> None:
    pairs, problems = found(folder)
    assert not problems
    for split, names in NAMES.items():
        for name in names:
            pair = pairs[split, name]
            assert pair.person == folder / split / "image" / f"{name}.jpg"
            assert pair.garment == folder / split / "cloth" / f"{name}.jpg"
            assert (pair.identity, pair.category, pair.parser) == (name, "upper", "cihp")
            assert pair.path == f"{split}/image/{name}.jpg"
    assert Counter(split for split, _ in pairs) == {"train": 2, "test": 3, "test_unpaired": 3}


def test_unpaired_testing_takes_the_list_as_it_stands(folder: Path) -> None:
    pairs, _ = found(folder)
    pair = pairs["test_unpaired", "00055_00+00057_00"]
    assert pair.person.stem == pair.identity == "00055_00"
    assert pair.garment == folder / "test" / "cloth" / "00057_00.jpg"


@pytest.mark.parametrize("absent", [(), ("image-parse-v3",), ("openpose_json", "agnostic-mask")])
def test_labels_are_found_or_left_out(folder: Path, absent: tuple[str, ...]) -> None:
    for kind in absent:
        (folder / "test" / kind).rename(folder / kind)
    pair = found(folder)[0]["test", "00055_00"]
    places = {
        "image-parse-v3": (pair.parse, "00055_00.png"),
        "openpose_json": (pair.pose, "00055_00_keypoints.json"),
        "agnostic-mask": (pair.mask, "00055_00_mask.png"),
    }
    for kind, (path, name) in places.items():
        assert path == (None if kind in absent else folder / "test" / kind / name)
    assert (pair.parser is None) == (pair.parse is None)


@pytest.mark.parametrize(
    ("kind", "spelling", "label"),
    [
        ("openpose_json", "openpose-json", "pose"),
        ("image-parse-v3", "image-parse", "parse"),
        ("image-parse-v3", "image_parse_v3", "parse"),
        ("agnostic-mask", "agnostic_mask", "mask"),
    ],
)
def test_folders_of_other_copies_are_known(folder: Path, kind: str, spelling: str, label: str) -> None:
    (folder / "test" / kind).rename(folder / "test" / spelling)
    path = getattr(found(folder)[0]["test", "00055_00"], label)
    assert path is not None
    assert path.parent.name == spelling


def test_lists_of_other_systems_are_read(folder: Path) -> None:
    lists = "\ufeff00000_00.jpg\t00001_00.jpg  \r\n\r\n   \r\n  00001_00.jpg   00000_00.jpg\r\n"
    (folder / "train_pairs.txt").write_bytes(lists.encode())
    pairs, problems = found(folder)
    assert not problems
    assert {key for split, key in pairs if split == "train"} == set(NAMES["train"])


def test_what_is_wrong_with_a_list_is_said_by_line(folder: Path) -> None:
    lines = [
        "00055_00.jpg 00057_00.jpg",
        "00055_00.jpg",
        "",
        "00057_00.jpg 00099_00.jpg",
        "00055_00.jpg 00057_00.jpg",
        "../../secret.jpg 00055_00.jpg",
        "00098_00.jpg 00055_00.jpg",
        "00055_00.jpg 00064_00.jpg",
    ]
    (folder / "test_pairs.txt").write_text("\n".join(lines))
    pairs, problems = found(folder)
    assert {key for split, key in pairs if split == "test"} == {"00055_00", "00057_00"}
    assert {key for split, key in pairs if split == "test_unpaired"} == {"00055_00+00057_00", "00055_00+00064_00"}
    assert {problem.outcome for problem in problems} == {"failed"}
    reasons = [
        ("line 2: ", "is not the file names of a person and of a garment"),
        ("line 5: ", "same pair as on line 1"),
        ("line 6: ", "is not the file names"),
        ("line 7: ", "no picture at test/image/00098_00.jpg nor at test/cloth/00098_00.jpg"),
        ("line 4: ", "no picture at test/cloth/00099_00.jpg"),
        ("line 7: ", "no picture at test/image/00098_00.jpg"),
    ]
    assert len(problems) == len(reasons)
    for problem, (line, words) in zip(problems, reasons, strict=True):
        assert f"test_pairs.txt {line}" in problem.reason
        assert words in problem.reason


def test_two_lists_of_the_same_pairs_give_them_once(folder: Path) -> None:
    before = found(folder)
    (folder / "test_pairs_unpaired.txt").write_text((folder / "test_pairs.txt").read_text())
    assert found(folder) == before
    (folder / "test_pairs_unpaired.txt").write_text("00055_00.jpg 00064_00.jpg\n")
    assert set(found(folder)[0]) == {*before[0], ("test_unpaired", "00055_00+00064_00")}


def test_without_a_list_all_pictures_are_taken_and_that_is_said(folder: Path) -> None:
    (folder / "test_pairs.txt").unlink()
    (folder / "test" / "cloth" / "00064_00.jpg").unlink()
    (folder / "test" / "image" / "._00055_00.jpg").write_text("what macOS leaves")
    pairs, problems = found(folder)
    assert Counter(split for split, _ in pairs) == {"train": 2, "test": 2}
    assert [problem.outcome for problem in problems] == ["marked", "failed"]
    assert "no test_pairs.txt: all 3 pictures of test/image" in problems[0].reason
    assert "no picture at test/cloth/00064_00.jpg" in problems[1].reason


def test_empty_lists_and_lists_of_nothing_are_said(folder: Path) -> None:
    (folder / "train_pairs.txt").write_text("\n")
    (folder / "test").rename(folder / "elsewhere")
    pairs, problems = found(folder)
    assert not pairs
    assert [problem.reason for problem in problems] == [
        "train_pairs.txt lists no pair",
        "test_pairs.txt lists pictures of test, a folder that is not there",
    ]


def test_nobody_is_in_two_splits(folder: Path) -> None:
    for kind in ("image", "cloth"):
        draw(folder / "train" / kind / "00055_00.jpg")
    with (folder / "train_pairs.txt").open("a") as lines:
        lines.write("00055_00.jpg 00000_00.jpg\n")
    pairs, problems = found(folder)
    assert ("train", "00055_00") in pairs
    assert ("test", "00055_00") not in pairs
    assert problems[0].reason == ("test_pairs.txt line 1: 00055_00 is already the sample of train_pairs.txt line 3")


def test_another_folder_is_refused_with_the_layout(folder: Path) -> None:
    with pytest.raises(InputError, match=r"neither train nor test.*train/image, train/cloth, train_pairs.txt"):
        VitonHdSource(folder / "train").discover()


@pytest.mark.skipif(not REAL.is_dir(), reason="no real files here")
def test_real_triples() -> None:
    pairs, problems = found(REAL / "vitonhd")
    assert set(pairs) == {
        ("test", "00055_00"),
        ("test", "00057_00"),
        ("test_unpaired", "00055_00+00057_00"),
        ("test_unpaired", "00057_00+00055_00"),
    }
    assert not problems
    assert all(pair.mask is not None and pair.parse is None for pair in pairs.values())


@pytest.mark.skipif(not REAL.is_dir(), reason="no real files here")
def test_real_people_without_garments() -> None:
    pairs, problems = found(REAL / "vitonhd_parse")
    assert not pairs
    assert [(problem.key, problem.outcome) for problem in problems] == [
        ("12419_00", "failed"),
        ("03191_00", "failed"),
        ("12419_00+01944_00", "failed"),
        ("03191_00+00349_00", "failed"),
    ]
    assert problems[-1].reason == "test_pairs.txt line 2: no picture at test/cloth/00349_00.jpg"

"""DressCode: three categories, lists inside and above them, numbers at the end of every name."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data_prep.items import Problem, RawPair
from data_prep.sources.dresscode import DressCodeSource
from humangen.media import write_picture
from humangen.types import InputError

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "real"
PEOPLE = {
    "upper_body": ("048462", "049951", "050002"),
    "lower_body": ("013563", "013564", "013565"),
    "dresses": ("020714", "020715", "020716"),
}
LISTS = ("train_pairs.txt", "test_pairs_paired.txt", "test_pairs_unpaired.txt")


def draw(path: Path) -> None:
    write_picture(path, np.zeros((8, 6, 3), np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One person a category to train on and two to test with; lists in the categories."""
    root = tmp_path / "DressCode"
    for category, (one, two, three) in PEOPLE.items():
        for identity in (one, two, three):
            draw(root / category / "images" / f"{identity}_0.jpg")
            draw(root / category / "images" / f"{identity}_1.jpg")
            draw(root / category / "label_maps" / f"{identity}_4.png")
            draw(root / category / "masks" / f"{identity}_1.png")
            pose = root / category / "keypoints" / f"{identity}_2.json"
            pose.parent.mkdir(exist_ok=True)
            pose.write_text("{}")
        lines = (
            f"{one}_0.jpg\t{one}_1.jpg\n",
            f"{two}_0.jpg\t{two}_1.jpg\n{three}_0.jpg\t{three}_1.jpg",
            f"{two}_0.jpg\t{three}_1.jpg\n{three}_0.jpg\t{two}_1.jpg",
        )
        for name, text in zip(LISTS, lines, strict=True):
            (root / category / name).write_text(text)
    return root


def lift(folder: Path) -> None:
    """Moves the lists above the categories, as the archive has them too, with a number for the category."""
    for name in LISTS:
        lines = []
        for number, category in enumerate(PEOPLE):
            lines += [f"{line}\t{number}" for line in (folder / category / name).read_text().splitlines()]
            (folder / category / name).unlink()
        (folder / name).write_text("\n".join(lines))


def found(folder: Path) -> tuple[dict[tuple[str, str], RawPair], list[Problem]]:
    pairs, problems = DressCodeSource(folder).discover()
    assert len({pair.key for pair in pairs}) == len(pairs)
    assert all(problem.stage == "discover" for problem in problems)
    return {(pair.split, pair.key): pair for pair in pairs}, problems


def test_categories_splits_and_files(folder: Path) -> None:
    pairs, problems = found(folder)
    assert not problems
    assert Counter(split for split, _ in pairs) == {"train": 3, "test": 6, "test_unpaired": 6}
    assert Counter(pair.category for pair in pairs.values()) == {"upper": 5, "lower": 5, "dress": 5}
    pair = pairs["test", "lower_body_013564"]
    home = folder / "lower_body"
    assert (pair.person, pair.garment) == (home / "images/013564_0.jpg", home / "images/013564_1.jpg")
    assert (pair.parse, pair.parser) == (home / "label_maps/013564_4.png", "atr")
    assert (pair.pose, pair.mask) == (home / "keypoints/013564_2.json", None)
    assert (pair.identity, pair.path) == ("013564", "lower_body/images/013564_0.jpg")
    assert pairs["test_unpaired", "lower_body_013564+013565"].garment == home / "images/013565_1.jpg"


def test_the_regions_of_catvton_are_found(folder: Path) -> None:
    draw(folder / "dresses" / "agnostic_masks" / "020714_0.png")
    mask = found(folder)[0]["train", "dresses_020714"].mask
    assert mask == folder / "dresses" / "agnostic_masks" / "020714_0.png"


def test_lists_may_lie_above_the_categories_or_in_both_places(folder: Path) -> None:
    inside = found(folder)
    copies = {path: path.read_text() for path in folder.glob("*/*.txt")}
    lift(folder)
    assert found(folder) == inside
    for path, text in copies.items():
        path.write_text(text)
    assert found(folder) == inside


def test_a_person_of_no_category_is_said(folder: Path) -> None:
    lift(folder)
    shutil.rmtree(folder / "dresses")
    pairs, problems = found(folder)
    assert Counter(split for split, _ in pairs) == {"train": 2, "test": 4, "test_unpaired": 4}
    assert {problem.outcome for problem in problems} == {"failed"}
    assert problems[0].reason == "train_pairs.txt line 3: no category has a picture images/020714_0.jpg"
    assert len(problems) == 5


@pytest.mark.parametrize("category", PEOPLE)
def test_a_category_may_come_alone(folder: Path, monkeypatch: pytest.MonkeyPatch, category: str) -> None:
    whole, _ = found(folder)
    pairs, problems = found(folder / category)
    assert not problems
    assert pairs == {name: pair for name, pair in whole.items() if pair.key.startswith(category)}
    monkeypatch.chdir(folder / category)
    assert set(found(Path("."))[0]) == set(pairs)


def test_a_paired_line_of_two_garments_is_no_pair(folder: Path) -> None:
    (folder / "dresses" / "train_pairs.txt").write_text("020714_0.jpg\t020715_1.jpg\r\n\r\n020714_1.jpg\t020714_0.jpg")
    pairs, problems = found(folder)
    assert ("train", "dresses_020714") not in pairs
    assert [problem.reason for problem in problems] == [
        "dresses/train_pairs.txt line 1: 020714_0.jpg wears 020714_1.jpg, not 020715_1.jpg",
        "dresses/train_pairs.txt line 3: 020714_1.jpg is not called as a person is, ID_0.jpg",
    ]


def test_without_a_list_all_people_are_taken_and_that_is_said(folder: Path) -> None:
    for name in LISTS:
        (folder / "dresses" / name).unlink()
    pairs, problems = found(folder)
    assert {key for split, key in pairs if split == "train"} == {
        "upper_body_048462",
        "lower_body_013563",
        *(f"dresses_{identity}" for identity in PEOPLE["dresses"]),
    }
    assert [(problem.key, problem.outcome) for problem in problems] == [("dresses", "marked")]
    assert "all 3 people" in problems[0].reason


def test_an_unpaired_list_alone_names_the_people_to_test(folder: Path) -> None:
    (folder / "dresses" / "test_pairs_paired.txt").unlink()
    pairs, problems = found(folder)
    assert {("test", "dresses_020715"), ("test", "dresses_020716")} <= set(pairs)
    assert [(problem.key, problem.outcome) for problem in problems] == [("dresses", "marked")]


def test_missing_pictures_are_said(folder: Path) -> None:
    (folder / "dresses" / "images" / "020716_1.jpg").unlink()
    pairs, problems = found(folder)
    assert ("test", "dresses_020716") not in pairs
    assert ("test_unpaired", "dresses_020715+020716") not in pairs
    assert [problem.reason for problem in problems] == [
        "dresses/test_pairs_paired.txt line 2: no picture at dresses/images/020716_1.jpg",
        "dresses/test_pairs_unpaired.txt line 1: no picture at dresses/images/020716_1.jpg",
    ]


def test_another_folder_is_refused_with_the_layout(folder: Path) -> None:
    with pytest.raises(InputError, match=r"none of upper_body, lower_body, dresses.*images/ID_0.jpg"):
        DressCodeSource(folder / "dresses" / "images").discover()


@pytest.mark.skipif(not REAL.is_dir(), reason="no real files here")
def test_a_real_person(tmp_path: Path) -> None:
    """As shipped both of its garments are missing; with them it arrives twice."""
    pairs, problems = found(REAL / "dresscode")
    assert not pairs
    assert [problem.outcome for problem in problems] == ["failed", "failed"]
    folder = Path(shutil.copytree(REAL / "dresscode", tmp_path / "dresscode"))
    for garment in ("048462", "049951"):
        draw(folder / "upper_body" / "images" / f"{garment}_1.jpg")
    pairs, problems = found(folder)
    assert not problems
    assert set(pairs) == {("test", "upper_body_048462"), ("test_unpaired", "upper_body_048462+049951")}
    assert all(pair.parse and pair.pose and pair.mask is None for pair in pairs.values())

"""Plain folders: names that match, lists where they do not, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_prep.items import Problem, RawPair
from data_prep.sources.folders import FoldersSource
from humangen.data.index import Index
from humangen.data.schema import decode_pair
from humangen.data.stream import Shelf, evaluation_samples
from humangen.media import write_picture
from humangen.types import InputError
from tests.unit.data_prep.drawn import DrawnEstimator, ledger, prepare

NAMES = ("anna", "berta", "clara")


def draw(path: Path, value: int = 0) -> None:
    write_picture(path, np.full((32, 24, 3), value, np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three people and what they wear, with masks that are called as official ones."""
    for number, name in enumerate(NAMES):
        draw(tmp_path / "raw" / "person" / f"{name}.jpg", 40 * number)
        draw(tmp_path / "raw" / "garment" / f"{name}.png", 200 - 40 * number)
        mask = np.zeros((32, 24), np.uint8)
        mask[8:20, 4:16] = 255
        write_picture(tmp_path / "raw" / "mask" / f"{name}_mask.png", mask)
    return tmp_path / "raw"


def found(folder: Path, split: str = "train", **options: str) -> tuple[dict[tuple[str, str], RawPair], list[Problem]]:
    pairs, problems = FoldersSource(folder, split, **options).discover()
    assert all(problem.stage == "discover" for problem in problems)
    return {(pair.split, pair.key): pair for pair in pairs}, problems


def test_without_lists_everyone_wears_the_garment_of_the_same_name(folder: Path) -> None:
    pairs, problems = found(folder)
    assert not problems
    assert set(pairs) == {("train", name) for name in NAMES}
    anna = pairs["train", "anna"]
    assert (anna.person, anna.garment) == (folder / "person" / "anna.jpg", folder / "garment" / "anna.png")
    assert (anna.path, anna.category) == ("person/anna.jpg", "upper")
    assert anna.mask == folder / "mask" / "anna_mask.png"
    assert anna.parse is anna.parser is anna.pose is None
    assert {split for split, _ in found(folder, "test")[0]} == {"test"}


def test_labels_are_found_under_their_official_names(folder: Path) -> None:
    draw(folder / "parse" / "anna.png")
    (folder / "pose").mkdir()
    (folder / "pose" / "anna_keypoints.json").write_text("{}")
    (folder / "mask" / "anna_mask.png").rename(folder / "mask" / "anna.jpg")
    anna = found(folder, parser="atr", category="lower")[0]["train", "anna"]
    assert anna.parse == folder / "parse" / "anna.png"
    assert anna.pose == folder / "pose" / "anna_keypoints.json"
    assert anna.mask == folder / "mask" / "anna.jpg"
    assert (anna.parser, anna.category) == ("atr", "lower")


def test_people_of_the_list_of_others_are_held_out(folder: Path) -> None:
    (folder / "pairs.txt").write_text("anna.jpg berta.png\nanna.jpg clara.png\nanna.jpg lost.png\n")
    pairs, problems = found(folder)
    assert set(pairs) == {
        ("test", "anna"),
        ("train", "berta"),
        ("train", "clara"),
        ("test_unpaired", "anna+berta"),
        ("test_unpaired", "anna+clara"),
    }
    assert not pairs["test_unpaired", "anna+berta"].paired
    assert [problem.reason for problem in problems] == ["pairs.txt line 3: no picture at garment/lost.png"]


def test_one_picture_under_two_names_is_one_person(folder: Path) -> None:
    """Whichever names: thirty people, of whom each is there twice, land on one side."""
    for number in range(30):
        for name in (f"a{number}", f"b{number}"):
            draw(folder / "person" / f"{name}.png", number)
            draw(folder / "garment" / f"{name}.png")
    pairs = found(folder, "random")[0]
    splits = {pair.person.stem: pair.split for pair in pairs.values()}
    assert set(splits.values()) == {"train", "val", "test"}
    assert all(splits[f"a{number}"] == splits[f"b{number}"] for number in range(30))
    assert len({pair.identity for pair in pairs.values()}) == 33
    (folder / "pairs.txt").write_text("a3.png b4.png\n")
    splits = {pair.person.stem: pair.split for pair in found(folder)[0].values() if pair.paired}
    assert {name for name, split in splits.items() if split == "test"} == {"a3", "b3"}


def test_who_is_held_out_is_not_trained_on(folder: Path) -> None:
    (folder / "person" / "anna2.jpg").write_bytes((folder / "person" / "anna.jpg").read_bytes())
    (folder / "train_pairs.txt").write_text("anna2.jpg berta.png\nberta.jpg berta.png\nclara.jpg clara.png\n")
    (folder / "test_pairs.txt").write_text("anna.jpg anna.png\n")
    (folder / "pairs.txt").write_text("berta.jpg anna.png\n")
    pairs, problems = found(folder)
    assert set(pairs) == {("train", "clara"), ("test", "anna"), ("test_unpaired", "berta+anna")}
    assert [problem.reason for problem in problems] == [
        "train_pairs.txt line 1: anna2.jpg is held out, as anna.jpg (test_pairs.txt line 1)",
        "train_pairs.txt line 2: berta.jpg is held out, as berta.jpg (pairs.txt line 1)",
    ]


def test_names_of_other_letters_do_not_clash(folder: Path) -> None:
    for number, name in enumerate(("女1", "男1", "my top", "my-top"), start=5):
        draw(folder / "person" / f"{name}.jpg", number)
        draw(folder / "garment" / f"{name}.jpg")
    pairs, problems = found(folder)
    assert not problems
    assert len(pairs) == 7


def test_lists_say_who_wears_what(folder: Path) -> None:
    draw(folder / "garment" / "red.png")
    (folder / "garment" / "anna.png").unlink()
    (folder / "train_pairs.txt").write_text("anna.jpg\tred.png\nclara.jpg berta.png\n")
    (folder / "test_pairs.txt").write_text("berta.jpg berta.png\nberta.jpg\n")
    pairs, problems = found(folder)
    assert set(pairs) == {("train", "anna"), ("test", "berta")}
    assert pairs["train", "anna"].garment == folder / "garment" / "red.png"
    told = [problem.reason for problem in problems]
    assert sorted(told) == [
        "test_pairs.txt line 2: 'berta.jpg' is not the file names of a person and of a garment",
        "train_pairs.txt line 2: clara.jpg with berta.png, though garment/clara.png is there: garments that are not "
        "worn in the picture belong in pairs.txt",
    ]


def test_names_in_lists_may_hold_spaces(folder: Path) -> None:
    for number, name in enumerate(("my top", "my  top", "a b", "b c", "a"), start=5):
        draw(folder / "person" / f"{name}.jpg", number)
        draw(folder / "garment" / f"{name}.jpg")
    draw(folder / "person" / "x y.jpg x.jpg", 20)
    draw(folder / "garment" / "x.jpg y.jpg", 20)
    draw(folder / "person" / "x y.jpg", 21)
    draw(folder / "garment" / "y.jpg", 21)
    lines = ["my top.jpg a b.jpg", "my  top.jpg\ta b.jpg", "a b.jpg  b c.jpg", "anna.jpg berta.png",
             "x y.jpg x.jpg y.jpg", "my top.jpg lost.jpg", f"anna.jpg {'long' * 100}.jpg"]  # fmt: skip
    (folder / "pairs.txt").write_bytes("\r\n".join(lines).encode())
    pairs, problems = found(folder)
    worn = {(pair.person.name, pair.garment.name) for pair in pairs.values() if not pair.paired}
    assert worn == {("my top.jpg", "a b.jpg"), ("my  top.jpg", "a b.jpg"), ("a b.jpg", "b c.jpg"),
                    ("anna.jpg", "berta.png")}  # fmt: skip
    told = "is not the file names of a person and of a garment, with a tab between them where names hold spaces"
    reasons = [problem.reason for problem in problems if problem.reason.startswith("pairs.txt")]
    assert [reason.replace("long" * 100, "long") for reason in reasons] == [
        f"pairs.txt line 5: 'x y.jpg x.jpg y.jpg' {told}",
        f"pairs.txt line 6: 'my top.jpg lost.jpg' {told}",
        "pairs.txt line 7: no picture at garment/long.jpg",
    ]


def test_a_person_without_a_garment_is_told(folder: Path) -> None:
    (folder / "garment" / "clara.png").unlink()
    pairs, problems = found(folder)
    assert set(pairs) == {("train", "anna"), ("train", "berta")}
    assert [problem.reason for problem in problems] == ["person/clara.jpg: no garment/clara that she wears"]


@pytest.mark.parametrize("absent", ["person", "garment"])
def test_another_folder_is_refused_with_the_layout(folder: Path, absent: str) -> None:
    (folder / absent).rename(folder / "elsewhere")
    with pytest.raises(InputError, match=rf"has no pictures in {absent}. It holds person/NAME.jpg"):
        FoldersSource(folder).discover()


def test_the_command_writes_shards(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_prep.tryon.estimator_of", lambda name, models: DrawnEstimator())
    (folder / "pairs.txt").write_text("anna.jpg berta.png\n")
    (folder / "mask" / "clara_mask.png").unlink()
    parse = np.zeros((32, 24), np.uint8)
    parse[10:18, 6:14] = 9
    write_picture(folder / "parse" / "anna.png", parse)
    output = tmp_path / "shards"
    assert prepare("pairs", folder, output, "--split", "train", "--category", "lower") == 0
    for split, keys in (("train", ["berta"]), ("test", ["anna"]), ("test_unpaired", ["anna+berta"])):
        samples = evaluation_samples(Shelf(output / split, Index.load(output / split, "tryon")))
        records = [decode_pair(sample) for sample in samples]
        assert [record.key for record in records] == keys
        assert all(record.region[8:20, 4:16].all() and record.info.category == "lower" for record in records)
        worn = records[0].worn
        assert (worn is not None) == (split == "test")
        if worn is not None:
            np.testing.assert_array_equal(worn, parse == 9)
    assert any("person/clara.jpg has no region" in line["reason"] for line in ledger(output))

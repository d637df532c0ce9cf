"""Who wears what: lists of pairs as people write them, and which pairs are painted at once."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from humangen.inference.finished import digest, is_finished, settings_of, write_finished
from humangen.inference.outfits import Beside, Outfit, combinations, read_pairs, together, told_apart
from humangen.media import read_picture, write_picture
from humangen.types import InputError

PEOPLE, GARMENTS = Path("people"), Path("garments")


def listed(tmp_path: Path, text: str) -> tuple[list[tuple[str, str]], list[str]]:
    (tmp_path / "pairs.txt").write_bytes(text.encode())
    outfits, faults = read_pairs(tmp_path / "pairs.txt", PEOPLE, GARMENTS)
    assert all((outfit.person.parent, outfit.garment.parent) == (PEOPLE, GARMENTS) for outfit in outfits)
    return [(outfit.person.name, outfit.garment.name) for outfit in outfits], faults


@pytest.mark.parametrize(
    "text",
    [
        "a.jpg b.png\nc#1.jpg d.jpg\n",
        "\ufeffa.jpg\tb.png\r\n\r\nc#1.jpg\t\td.jpg",
        "# who wears what\n   a.jpg    b.png   # the first\n\n\tc#1.jpg\td.jpg\t# the second\n#",
    ],
)
def test_lists_are_read_however_they_are_written(tmp_path: Path, text: str) -> None:
    assert listed(tmp_path, text) == ([("a.jpg", "b.png"), ("c#1.jpg", "d.jpg")], [])


def test_between_tabs_names_may_hold_spaces(tmp_path: Path) -> None:
    assert listed(tmp_path, "my photo.jpg\tred top.png\n") == ([("my photo.jpg", "red top.png")], [])


def test_lines_that_are_no_pairs_are_told_by_number(tmp_path: Path) -> None:
    outfits, faults = listed(tmp_path, "a.jpg\na.jpg b.png c.png\n# none\na.jpg b.png\n")
    assert outfits == [("a.jpg", "b.png")]
    assert [fault.partition("pairs.txt ")[2] for fault in faults] == [
        "line 1: 'a.jpg' is not the file names of a person and of a garment",
        "line 2: 'a.jpg b.png c.png' is not the file names of a person and of a garment",
    ]


@pytest.mark.parametrize("data", [b"\n# nothing\n", b"\xff\xfe\x00\x81", None])
def test_what_is_no_list_is_refused(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "pairs.txt").write_bytes(data)
    with pytest.raises(InputError, match=r"pairs.txt (names no pair|is not a list of pairs)"):
        read_pairs(tmp_path / "pairs.txt", PEOPLE, GARMENTS)


def test_one_file_is_written_once(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("a.jpg b.jpg\na.jpg c.jpg\na.jpg b.jpg\na.png c.jpg\n")
    outfits, _ = read_pairs(tmp_path / "pairs.txt", PEOPLE, GARMENTS)
    kept, faults = told_apart(outfits)
    assert [outfit.key for outfit in kept] == ["a+b", "a+c"]
    assert "line 3: the same pair as" in faults[0]
    assert faults[0].endswith("pairs.txt line 1 before")
    assert "line 4: people/a.png and garments/c.jpg are called a+c as" in faults[1]


def test_every_garment_on_every_person(tmp_path: Path) -> None:
    for name in ("p/one.png", "p/two.png", "p/.hidden.png", "g/red.png", "blue.png"):
        write_picture(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "p" / "notes.txt").write_text("")
    outfits = combinations([tmp_path / "p"], [tmp_path / "g", tmp_path / "blue.png"])
    assert [outfit.key for outfit in outfits] == ["one+red", "one+blue", "two+red", "two+blue"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no picture in .*empty"):
        combinations([tmp_path / "empty"], [tmp_path / "blue.png"])


@pytest.mark.parametrize("size", [1, 2, 4, 7])
def test_batches_hold_equally_many_of_each_garment_side_by_side(size: int) -> None:
    counts = {"a": 5, "b": 1, "c": 1, "d": 2, "e": 2, "f": 1}
    outfits = [Outfit(Path(f"{number}.jpg"), Path(name)) for name, count in counts.items() for number in range(count)]
    mixed = [outfits[number] for number in np.random.default_rng(0).permutation(len(outfits))]
    batches = list(together(mixed, size))
    assert sorted(outfit.key for batch in batches for outfit in batch) == sorted(outfit.key for outfit in outfits)
    for batch in batches:
        runs = [len(list(run)) for _, run in itertools.groupby(batch, key=lambda outfit: outfit.garment)]
        assert len(batch) <= size
        assert len(set(runs)) == 1
        assert len(runs) == len({outfit.garment for outfit in batch})
    for name, count in counts.items():
        places = [place for place, batch in enumerate(batches) if any(each.garment.name == name for each in batch)]
        assert len(places) == -(-count // size)
        assert places == list(range(places[0], places[-1] + 1))  # so that it need not be held for long
        assert len(places) == 1 or all(len({each.garment for each in batches[place]}) == 1 for place in places)


def test_files_beside_people_are_found_by_stem(tmp_path: Path) -> None:
    kind = Beside(tmp_path, "pose", ("_keypoints", "_2"), (".json", ".npz"))
    for name in ("one.npz", "two_keypoints.json", "048462_2.json"):
        (tmp_path / name).write_text("")
    found = [kind.of(Path(f"people/{name}")).name for name in ("one.jpg", "two.png", "048462_0.jpg")]
    assert found == ["one.npz", "two_keypoints.json", "048462_2.json"]
    with pytest.raises(InputError, match=r"no pose of three.jpg in .*: it would be called three.json"):
        kind.of(Path("three.jpg"))
    single = Beside(tmp_path / "one.npz", "pose", (), ())
    assert single.of(Path("anyone.jpg")) == tmp_path / "one.npz"
    single.check_alone([Path("a.jpg"), Path("a.jpg")])
    with pytest.raises(InputError, match=r"one.npz is one pose for 2 people"):
        single.check_alone([Path("a.jpg"), Path("b.jpg")])


def test_pictures_say_what_they_were_painted_with(tmp_path: Path) -> None:
    path, settings = tmp_path / "a+b.png", {"seed": 1, "size": [8, 6], "guidance": 1.5}
    pixels = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    assert not is_finished(path, settings)
    write_finished(path, pixels, settings)
    np.testing.assert_array_equal(read_picture(path), pixels)
    assert settings_of(path) == settings
    assert is_finished(path, {"size": (8, 6), **settings})
    with pytest.raises(InputError, match=r"a\+b.png is there, painted with another mask, seed: name another"):
        is_finished(path, {**settings, "seed": 2, "mask": "x"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for broken in (path, tmp_path / "plain.png"):
        if broken != path:
            write_picture(broken, pixels)
        with pytest.raises(InputError, match=r"was not painted by this command"):
            is_finished(broken, settings)


def test_a_digest_changes_with_any_file(tmp_path: Path) -> None:
    for name in ("weights/a", "weights/deep/b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    before = digest(tmp_path / "weights")
    assert before == digest(tmp_path / "weights")
    (tmp_path / "weights/deep/b").write_text("other")
    assert digest(tmp_path / "weights") != before
    with pytest.raises(InputError, match="no file at"):
        digest(tmp_path / "nowhere")

"""What comes to the input or goes from it changes nothing of what was made of the other files."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_prep.items import LONGEST_KEY, safe_key
from tests.unit.data_prep.drawn import (
    drawn_poses,  # noqa: F401
    ledger,
    pictures,
    prepare,
    records,
    video,
)

pytestmark = pytest.mark.usefixtures("drawn_poses")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for seed, name in enumerate(("a b.mp4", "dance.mp4")):
        video(tmp_path / "raw" / name, pictures(4, seed=seed))
    return tmp_path / "raw"


@pytest.fixture
def out(raw: Path) -> Path:
    made = raw.with_name("out")
    assert again(raw, made) == 0
    return made


def again(raw: Path, out: Path, *more: str) -> int:
    return prepare("videos", raw, out, "--split", "train", *more)


def results(out: Path) -> dict[str, int]:
    """The stages' results, and when they were written."""
    return {str(path): path.stat().st_mtime_ns for path in (out / ".prep").glob("*/*")}


def paths(out: Path) -> dict[str, str]:
    return {record.key: record.info.identity for record in records(out)}


def test_a_key_is_of_its_own_names_alone() -> None:
    names = ["a b", "a-b", "a_b", "a/b", "a.b", "-a-b", "安", "娜", "a+b", "9" * 200, "9" * 201, ""]
    keys = [*map(safe_key, names), safe_key("a", "b"), safe_key("a b", "c"), safe_key("a", "b c")]
    assert len(set(keys)) == len(keys)
    assert safe_key("00055_00") == "00055_00"
    assert safe_key("00055_00", "00064_00") == "00055_00+00064_00"
    for key in keys:
        assert 0 < len(key) <= LONGEST_KEY + 9
        assert key.isascii()
        assert "." not in key


def test_a_name_that_looks_alike_moves_no_key(raw: Path, out: Path) -> None:
    before, done = paths(out), results(out)
    for seed, name in enumerate(("a-b.mp4", "a.b.mp4", "a_b.mp4", "a/b.mp4"), start=2):
        video(raw / name, pictures(4, seed=seed))
    assert again(raw, out) == 0
    assert not ledger(out)
    assert {key: identity for key, identity in paths(out).items() if key in before} == before
    assert len(paths(out)) == 6
    assert {path: when for path, when in results(out).items() if path in done} == done


def test_a_copy_that_comes_first_takes_no_place(raw: Path, out: Path) -> None:
    """Whichever was there is kept, though a new one would be first by its name, or held out."""
    before, done = paths(out), results(out)
    (raw / "0.mp4").write_bytes((raw / "dance.mp4").read_bytes())
    assert again(raw, out) == 0
    assert [line["reason"] for line in ledger(out)] == ["0.mp4 has the pictures of dance.mp4, which is kept"]
    assert paths(out) == before
    assert {path: when for path, when in results(out).items() if path in done} == done

"""What comes to the input or goes from it changes nothing of what was made of the other files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from data_prep.items import LONGEST_KEY, safe_key
from tests.unit.data_prep.drawn import (
    contents,
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


@pytest.mark.parametrize("damaged", [False, True])
def test_what_is_lost_from_the_input_stays_in_the_shards(raw: Path, out: Path, damaged: bool) -> None:
    """And does not stand in the way of what is new, also where that is written twice."""
    before, whole = {record.key: record.video for record in records(out)}, (raw / "dance.mp4").read_bytes()
    (raw / "dance.mp4").unlink()
    if damaged:
        (raw / "dance.mp4").write_bytes(whole[: len(whole) // 2])
    for seed, name in enumerate(("new.mp4", "newer.mp4"), start=2):
        video(raw / name, pictures(4, seed=seed))
        assert again(raw, out) == 0
        held = {record.key: record.video for record in records(out)}
        assert len(held) == seed + 1
        assert {key: held[key] for key in before} == before
        lines = {line["outcome"]: line for line in ledger(out)}
        assert "what was made of it before stays in train" in lines["marked"]["reason"]
        assert lines["marked"]["key"] == safe_key("dance.mp4")
        assert ("failed" in lines) == damaged
    (raw / "dance.mp4").write_bytes(whole)
    assert again(raw, out) == 0
    assert not ledger(out)
    assert again(raw, raw.with_name("anew")) == 0
    assert contents(raw.with_name("anew")) == contents(out)


def test_what_is_lost_goes_with_its_split(raw: Path, out: Path) -> None:
    (raw / "dance.mp4").unlink()
    shutil.rmtree(out / "train")
    assert again(raw, out) == 0
    assert list(paths(out)) == [safe_key("a b.mp4")]


def test_what_is_lost_is_not_lost_by_a_kill_between_two_names(raw: Path, out: Path, monkeypatch) -> None:
    before = paths(out)
    (raw / "dance.mp4").unlink()
    video(raw / "new.mp4", pictures(4, seed=2))
    replaced = Path.replace

    def killed(path: Path, target: Path) -> Path:
        if path.name == ".train.prepared":
            raise KeyboardInterrupt
        return replaced(path, target)

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", killed)
        assert again(raw, out) == 130
    assert not (out / "train").exists()
    assert again(raw, out) == 0
    assert paths(out).keys() == {*before, safe_key("new.mp4")}
    assert not list(out.glob(".train*"))


def test_another_name_takes_the_place_of_the_old_one(raw: Path, out: Path) -> None:
    (raw / "dance.mp4").rename(raw / "ballet.mp4")
    assert again(raw, out) == 0
    assert set(paths(out)) == {safe_key("a b.mp4"), safe_key("ballet.mp4")}
    assert not ledger(out)


def test_what_can_neither_stay_nor_be_made_again_is_named(raw: Path, out: Path, capsys) -> None:
    (raw / "dance.mp4").rename(raw.with_name("aside.mp4"))
    before = contents(out)
    assert again(raw, out, "--size", "32") == 2
    assert "can neither stay nor be made again" in capsys.readouterr().err
    assert {name: held for name, held in contents(out).items() if "/" in name} == {
        name: held for name, held in before.items() if "/" in name
    }
    raw.with_name("aside.mp4").rename(raw / "dance.mp4")
    assert again(raw, out, "--size", "32") == 0
    assert {record.info.width for record in records(out)} == {32}


def test_a_damaged_shard_gives_no_sample_to_stay(raw: Path, out: Path, capsys) -> None:
    (raw / "dance.mp4").unlink()
    tar = out / "train" / "000000.tar"
    content = bytearray(tar.read_bytes())
    content[content.index(b"mdat", content.index(safe_key("dance.mp4").encode())) + 100] ^= 1
    tar.write_bytes(content)
    assert again(raw, out) == 2
    assert "are not those any more" in capsys.readouterr().err
    assert tar.read_bytes() == content


def test_a_clip_that_is_cut_otherwise_now_has_its_new_pieces_alone(raw: Path, out: Path) -> None:
    drawn = [*pictures(31, seed=1), *(255 - each for each in pictures(25, seed=5))]
    video(raw / "dance.mp4", drawn)
    assert again(raw, out) == 0
    key = safe_key("dance.mp4")
    assert set(paths(out)) == {safe_key("a b.mp4"), f"{key}+000", f"{key}+001"}
    video(raw / "dance.mp4", drawn[:31])
    assert again(raw, out) == 0
    assert set(paths(out)) == {safe_key("a b.mp4"), key}


def test_a_clip_of_another_split_now_leaves_the_old_one(tmp_path: Path, capsys) -> None:
    """Without loss there, though it was stored with some to train on; and a split that nothing is of is named."""
    raw, out = tmp_path / "raw", tmp_path / "out"
    for seed, name in enumerate(("anna", "berta", "clara")):
        video(raw / f"{name}.mp4", pictures(4, seed=seed))
    (raw / "fashion_train.txt").write_text("anna\nberta\n")
    (raw / "fashion_test.txt").write_text("clara\n")
    assert prepare("ubcfashion", raw, out) == 0
    (raw / "fashion_train.txt").write_text("anna\n")
    (raw / "fashion_test.txt").write_text("clara\nberta\n")
    assert prepare("ubcfashion", raw, out) == 0
    assert [record.key for record in records(out)] == ["anna"]
    assert [record.key for record in records(out, "test")] == ["berta", "clara"]
    assert prepare("ubcfashion", raw, tmp_path / "anew") == 0
    assert contents(tmp_path / "anew") == contents(out)
    (raw / "fashion_test.txt").write_text("")
    (raw / "fashion_train.txt").write_text("anna\nberta\nclara\n")
    capsys.readouterr()
    assert prepare("ubcfashion", raw, out) == 2
    assert f"nothing of {out / 'test'} comes out of the input any more" in capsys.readouterr().err
    assert contents(tmp_path / "anew") == contents(out)

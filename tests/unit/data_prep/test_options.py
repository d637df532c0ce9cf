"""The same folder with other options: what they concern is done anew, and what they would mix up is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from humangen.data.index import Index
from tests.unit.data_prep.drawn import (
    clip_folder,
    contents,
    drawn_poses,  # noqa: F401
    ledger,
    prepare,
    records,
    refused,
    times,
)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for number in ("001", "002", "335"):
        clip_folder(tmp_path / "raw" / number, 3, 32, 32, seed=int(number))
    return tmp_path / "raw"


@pytest.fixture
def out(raw: Path, tmp_path: Path) -> Path:
    assert prepare("tiktok", raw, tmp_path / "out") == 0
    return tmp_path / "out"


def test_another_split_or_input_is_refused(raw: Path, out: Path, capsys: pytest.CaptureFixture) -> None:
    before = contents(out)
    said = refused(capsys, "tiktok", raw, out, "--split", "train", "--size", "16")
    assert "was begun with split 'tiktok_public', now 'train': name another" in said
    shutil.copytree(raw, raw.with_name("copy"))
    assert "copy': name another" in refused(capsys, "tiktok", raw.with_name("copy"), out)
    assert contents(out) == before


@pytest.mark.parametrize(
    ("more", "redone"),
    [(["--size", "16"], {"person", "transcode"}), (["--pose", "mediapipe"], {"person", "pose"}),
     (["--models", "models"], set())],
)  # fmt: skip
@pytest.mark.usefixtures("drawn_poses")
def test_another_option_redoes_what_it_concerns(raw, out, capsys, more: list[str], redone: set[str]) -> None:
    """And ends with the bytes of a preparation that was begun so, also where it is killed and back again."""
    first, before = contents(out), times(out / ".prep")
    assert prepare("tiktok", raw, out, *more) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("begun with")]
    assert [line.rpartition(": ")[2] for line in told] == ([", ".join(sorted(redone))] if redone else [])
    after = times(out / ".prep")
    assert {Path(path).parent.name for path in before if before[path] != after[path]} - {".prep"} == redone
    assert prepare("tiktok", raw, out.with_name("so"), *more) == 0
    assert contents(out.with_name("so")) == contents(out)
    assert (contents(out) == first) == (not redone)
    assert prepare("tiktok", raw, out) == 0
    assert contents(out) == first


@pytest.mark.usefixtures("drawn_poses")
def test_shards_stay_until_those_of_another_option_are_whole(raw: Path, out: Path, monkeypatch) -> None:
    before, whole = contents(out), Index.write
    monkeypatch.setattr("data_prep.shards.Index.write", lambda *rest: (_ for _ in ()).throw(KeyboardInterrupt))
    assert prepare("tiktok", raw, out, "--pose", "mediapipe") == 130
    assert {name: held for name, held in contents(out).items() if "/" in name} == {
        name: held for name, held in before.items() if "/" in name
    }
    monkeypatch.setattr("data_prep.shards.Index.write", whole)
    assert prepare("tiktok", raw, out, "--pose", "mediapipe") == 0
    assert contents(out)["train/000000.tar"] != before["train/000000.tar"]


def test_what_does_not_come_through_with_another_option_is_left_out(tmp_path: Path) -> None:
    """A clip that does not come through another option's stages is in the ledger, and not of the old one."""
    for number in ("001", "002"):
        clip_folder(tmp_path / "raw" / number, 3, 32, 32, seed=int(number))
    assert prepare("tiktok", tmp_path / "raw", tmp_path / "out") == 0
    shutil.rmtree(tmp_path / "raw" / "001" / "openpose_json")
    assert prepare("tiktok", tmp_path / "raw", tmp_path / "out", "--pose", "own") == 0
    assert [record.key for record in records(tmp_path / "out")] == ["tiktok-002"]
    assert [line["key"] for line in ledger(tmp_path / "out")] == ["tiktok-001"]


def test_an_input_of_which_nothing_was_written_may_be_prepared_otherwise(raw: Path, tmp_path: Path, capsys) -> None:
    """As where a first run says that another split is needed."""
    (tmp_path / "other" / "one").mkdir(parents=True)
    (tmp_path / "other" / "one" / "1.png").write_bytes(b"nothing")
    assert "no clip has come through" in refused(capsys, "tiktok", tmp_path / "other", tmp_path / "out")
    assert prepare("tiktok", raw, tmp_path / "out", "--split", "train") == 0
    assert len(records(tmp_path / "out")) == 3

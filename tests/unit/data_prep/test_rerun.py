"""A second run: what is done stays, what changed is done anew, and other settings are refused in a sentence."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from tests.unit.data_prep.drawn import (
    clip_folder,
    contents,
    drawn_poses,  # noqa: F401
    joints,
    ledger,
    pictures,
    prepare,
    records,
    video,
)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for number, count in (("001", 3), ("002", 4), ("335", 3)):
        clip_folder(tmp_path / "raw" / number, count, 32, 32, seed=int(number))
    return tmp_path / "raw"


@pytest.fixture
def out(raw: Path, tmp_path: Path) -> Path:
    assert prepare("tiktok", raw, tmp_path / "out") == 0
    return tmp_path / "out"


def times(folder: Path) -> dict[str, int]:
    """When each file was written."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(capsys: pytest.CaptureFixture, source: str, raw: Path, output: Path | str, *more: str) -> str:
    """The one sentence with which the command ends."""
    capsys.readouterr()
    assert prepare(source, raw, output, *more) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


def test_a_second_run_touches_nothing(raw: Path, out: Path, capsys: pytest.CaptureFixture) -> None:
    before = times(out)
    assert prepare("tiktok", raw, out) == 0
    assert "2 samples, as they are to be" in capsys.readouterr().out
    after = times(out)
    ledger_file = str(out / "ledger.jsonl")
    assert {**after, ledger_file: 0} == {**before, ledger_file: 0}


@pytest.mark.parametrize(
    ("more", "said"),
    [(["--size", "16"], "size None, now 16"), (["--pose", "own"], "pose None, now 'own'"),
     (["--split", "train"], "split 'tiktok_public', now 'train'")],
)  # fmt: skip
def test_other_settings_are_refused(raw: Path, out: Path, capsys, more: list[str], said: str) -> None:
    before = contents(out)
    assert said in refused(capsys, "tiktok", raw, out, *more)
    assert contents(out) == before


def changed_picture(folder: Path) -> None:
    pixels = np.asarray(Image.open(folder / "000003.png"))
    Image.fromarray(255 - pixels).save(folder / "000003.png")


def changed_pose(folder: Path) -> None:
    people = [{"keypoints": (joints(7, 32, 32)).tolist()}]
    (folder / "openpose_json" / "000003.png.json").write_text(json.dumps(people))


def changed_mask(folder: Path) -> None:
    Image.fromarray(np.full((32, 32), 255, np.uint8)).save(folder / "groundsam" / "000003.png.mask.png")


@pytest.mark.parametrize("change", [changed_picture, changed_pose, changed_mask])
def test_a_changed_file_is_done_anew_and_no_other(raw: Path, out: Path, change) -> None:
    before = times(out)
    change(raw / "002")
    assert prepare("tiktok", raw, out) == 0
    redone = {path for path, written in times(out).items() if before[path] != written}
    assert {Path(path).name for path in redone if "/.prep/" in path} >= {"tiktok-002"}
    assert not {path for path in redone if "tiktok-001" in path or "tiktok-335" in path or "/test/" in path}
    again = out.with_name("again")
    assert prepare("tiktok", raw, again) == 0
    assert contents(again) == contents(out)


def test_a_clip_that_is_added_arrives(raw: Path, out: Path) -> None:
    before = times(out / ".prep")
    clip_folder(raw / "003", 3, 32, 32, seed=3)
    assert prepare("tiktok", raw, out) == 0
    assert [record.key for record in records(out)] == ["tiktok-001", "tiktok-002", "tiktok-003"]
    after = times(out / ".prep")
    written = "/written/"  # which splits there are
    assert {path: after[path] for path in before if written not in path} == {
        path: when for path, when in before.items() if written not in path
    }


def test_what_is_gone_from_the_input_is_not_lost_from_the_shards(raw: Path, out: Path, capsys) -> None:
    """Also where it was the last of its split: one who wants that removes the split."""
    (raw / "001").rename(raw.with_name("moved001"))
    before = contents(out)
    assert "tiktok-001" in refused(capsys, "tiktok", raw, out)
    assert contents(out) == before
    shutil.rmtree(out / "train")
    assert prepare("tiktok", raw, out) == 0
    assert [record.key for record in records(out)] == ["tiktok-002"]


def test_a_clip_that_failed_is_tried_again(raw: Path, tmp_path: Path) -> None:
    path = raw / "001" / "openpose_json" / "000002.png.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    assert prepare("tiktok", raw, out) == 0
    assert [(line["key"], line["outcome"]) for line in ledger(out)] == [("tiktok-001", "failed")]
    assert str(path) in ledger(out)[0]["reason"]
    path.write_bytes(whole)
    assert prepare("tiktok", raw, out) == 0
    assert not ledger(out)
    assert len(records(out)) == 2


def test_a_mistaken_input_leaves_nothing_behind(raw: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    assert "no folder at" in refused(capsys, "tiktok", raw / "none", out)
    (tmp_path / "empty").mkdir()
    for source in ("tiktok", "videos", "ubcfashion"):
        assert "no " in refused(capsys, source, tmp_path / "empty", out)
    assert not out.exists()
    assert "lies in the --input" in refused(capsys, "tiktok", raw, raw / "out")
    assert "is too small" in refused(capsys, "tiktok", raw, out, "--size", "8")
    assert "--workers" in refused(capsys, "tiktok", raw, out, "--workers", "0")
    assert prepare("tiktok", raw, out) == 0
    with pytest.raises(SystemExit) as end:
        prepare("tiktok", raw, out, "--split", "half")
    assert end.value.code == 2


def test_where_nothing_can_be_written_it_says_so(raw: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "taken").write_text("a file")
    assert "taken" in refused(capsys, "tiktok", raw, tmp_path / "taken")


def test_where_no_clip_comes_through_it_says_so(tmp_path: Path, capsys) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.mp4").write_bytes(b"")
    assert "ledger.jsonl says why" in refused(capsys, "videos", tmp_path / "raw", tmp_path / "out")
    assert "a.mp4" in ledger(tmp_path / "out")[0]["reason"]


@pytest.mark.usefixtures("drawn_poses")
@pytest.mark.parametrize("listed", [True, False])
def test_nobody_is_in_two_splits(tmp_path: Path, capsys, listed: bool) -> None:
    """It names the clip and where it stands; by a split of one's own it is in one."""
    raw, out = tmp_path / "raw", tmp_path / "out"
    for seed, split in enumerate(("train", "test")):
        video(raw / split / "anna.mp4", pictures(4, seed=seed))
        if listed:
            (raw / f"fashion_{split}.txt").write_text("anna.mp4\n")
    said = refused(capsys, "ubcfashion", raw, out)
    names = ("fashion_train.txt", "fashion_test.txt") if listed else ("train/anna.mp4", "test/anna.mp4")
    assert f"as anna: it is in {raw / names[0]} and in {raw / names[1]}. Take" in said
    assert not out.exists()
    assert prepare("ubcfashion", raw, out, "--split", "train") == 0
    assert [record.key for record in records(out)] == ["anna"]


@pytest.mark.usefixtures("drawn_poses")
def test_a_copy_is_left_out_and_the_held_out_one_stays(tmp_path: Path) -> None:
    """And clips that merely begin alike, with black, are none."""
    raw, black = tmp_path / "raw", np.zeros((64, 48, 3), np.uint8)
    for seed, name in enumerate(("train/anna.mp4", "test/berta.mp4", "train/clara.mp4")):
        video(raw / name, [black, *pictures(5, seed=seed)])
    (raw / "train" / "dora.mp4").write_bytes((raw / "test" / "berta.mp4").read_bytes())
    (raw / "train" / "emma.mp4").write_bytes((raw / "train" / "clara.mp4").read_bytes())
    assert prepare("ubcfashion", raw, tmp_path / "out") == 0
    assert [record.key for record in records(tmp_path / "out")] == ["anna", "clara"]
    assert [record.key for record in records(tmp_path / "out", "test")] == ["berta"]
    assert {line["key"]: line["reason"] for line in ledger(tmp_path / "out")} == {
        "dora": "train/dora.mp4 has the pictures of test/berta.mp4, which is kept",
        "emma": "train/emma.mp4 has the pictures of train/clara.mp4, which is kept",
    }


def test_shards_may_lie_on_another_disk_than_the_work(raw: Path, out: Path, tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk")
    work = memory / f"data_prep_{os.getpid()}"
    try:
        assert prepare("tiktok", raw, tmp_path / "other", "--work", str(work)) == 0
    finally:
        for path in sorted(work.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        work.rmdir()
    assert contents(tmp_path / "other") == contents(out)


def test_two_runs_into_one_folder_are_refused(raw: Path, out: Path, capsys: pytest.CaptureFixture) -> None:
    with FileLock(out / ".prep" / "lock"):
        assert "another run is at work" in refused(capsys, "tiktok", raw, out)
    assert prepare("tiktok", raw, out) == 0

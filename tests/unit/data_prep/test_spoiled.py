"""Broken and odd inputs: each is named in the ledger or arrives whole, and none harms its neighbours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_prep.items import safe_key
from data_prep.shards import read_manifest
from humangen.media import open_video
from tests.unit.data_prep.drawn import (
    clip_folder,
    contents,
    drawn_poses,  # noqa: F401
    ledger,
    number_of,
    picture,
    pictures,
    prepare,
    psnr,
    records,
    video,
)
from tests.unit.data_prep.spoiled import ARRIVES, EITHER, FOLDERS, FRAMES, VIDEOS, drawn_video, spoil

GOOD = 5  # clips that lie beside, with seeds from here on:
SEED = 100_000


def check_videos(folder: Path, count: int, seed: int) -> None:
    for number in range(GOOD):
        drawn_video(folder / "raw" / f"good-{number}.mp4", SEED + number)
    expected = dict(spoil(folder / "raw", VIDEOS, count, seed))
    check("videos", folder, expected, FRAMES)
    for number, record in enumerate(sound(folder / "out")):
        source = open_video(folder / "raw" / f"good-{number}.mp4").frames(range(FRAMES))
        assert psnr(record.open().frames(range(FRAMES)), source) > 35
    for record in records(folder / "out"):
        if record.key.startswith(("tail", "torn")):  # what is cut off behind is right as far as it goes
            numbers = [number_of(one) for one in record.open().frames(range(record.info.num_frames))]
            assert numbers == sorted(numbers), record.key
            assert numbers[0] == 0, record.key


def check_folders(folder: Path, count: int, seed: int) -> None:
    for number in range(GOOD):
        clip_folder(folder / "raw" / f"good-{number}", 3, 32, 32, seed=SEED + number)
    expected = dict(spoil(folder / "raw", FOLDERS, count, seed))
    check("tiktok", folder, expected, 3)
    for number, record in enumerate(sound(folder / "out")):
        for place, one in enumerate(record.open().frames(range(3))):
            assert psnr(one, picture(place, 32, 32, seed=SEED + number)) > 35
    for record in records(folder / "out"):
        assert [number_of(one) for one in record.open().frames(range(3))] == [0, 1, 2], record.key


def sound(out: Path) -> list:
    found = [record for record in records(out) if "good" in record.key]
    assert len(found) == GOOD
    return found


def check(source: str, folder: Path, expected: dict[str, str], frames: int) -> None:
    """Runs the command on folder/raw, and finds each input in folder/out or in its ledger."""
    before = contents(folder / "raw")
    assert prepare(source, folder / "raw", folder / "out", "--split", "train") == 0
    assert contents(folder / "raw") == before
    problems = ledger(folder / "out")
    for name, becomes in expected.items():
        came = [line for line in read_manifest(folder / "out" / "train") if line["path"].startswith(name)]
        told = [line for line in problems if name in line["reason"] or name in line["key"]]
        failed = [line for line in told if line["outcome"] == "failed" and name in line["reason"]]
        assert bool(came) != bool(failed), (name, came, told)
        assert becomes in (EITHER, ARRIVES if came else "fails"), (name, came, told)
        assert not came or came[0]["frames"] == frames or told, (name, came)


@pytest.mark.usefixtures("drawn_poses")
def test_forty_inputs_are_named_or_arrive(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    check_videos(tmp_path / "videos", 2 * len(VIDEOS), seed=0)
    check_folders(tmp_path / "folders", len(FOLDERS), seed=0)
    assert not capfd.readouterr().err


@pytest.mark.usefixtures("drawn_poses")
def test_lists_with_other_line_ends_and_names_that_look_alike(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    names = ["91+bC", "91-bC", "a b", "c.d", "安", "9" * 200]
    for seed, name in enumerate(names):
        video(raw / "clips" / f"{name}.mp4", pictures(4, seed=seed))
    video(raw / "clips" / "unlisted.MP4", pictures(4, seed=20))
    video(raw / "other" / "c.d.mp4", pictures(4, seed=21))
    (raw / "clips" / "._c.d.mp4").write_bytes(b"macOS")
    (raw / "clips" / "folder.mp4").mkdir()
    addresses = ["https://host/x/91+bC.mp4?y=1", "https://host/91-bC.mp4", "a%20b.mp4", "c.d", "missing.mp4"]
    (raw / "fashion_train.txt").write_bytes("\ufeff".encode() + "\r\n".join(addresses).encode() + b"\r\n\r\n")
    (raw / "fashion_test.txt").write_bytes("\r\n".join(names[4:]).encode() + b"\r\n\xff\xfe\r\n")
    assert prepare("ubcfashion", raw, tmp_path / "out") == 0
    found = {record.info.identity: record for split in ("train", "test") for record in records(tmp_path / "out", split)}
    assert set(found) == set(names)
    assert len({record.key for record in found.values()}) == len(names)
    assert {found[name].info.split for name in names[4:]} == {"test"}
    for seed, name in enumerate(names):
        assert psnr(found[name].open().frames([2])[0], picture(2, seed=seed)) > 35
    reasons = " | ".join(line["reason"] for line in ledger(tmp_path / "out"))
    for told in ("unlisted.MP4 is left out", "other/c.d.mp4 is left out", "names missing", "folder.mp4 is a folder"):
        assert told in reasons
    assert "._c.d" not in reasons


@pytest.mark.usefixtures("drawn_poses")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    for seed, name in enumerate(("a.mp4", "b.mp4")):
        video(tmp_path / "raw" / name, pictures(4, seed=seed))
    (tmp_path / "raw" / "a.mp4").chmod(0)
    assert prepare("videos", tmp_path / "raw", tmp_path / "out", "--split", "train") == 0
    assert [record.key for record in records(tmp_path / "out")] == [safe_key("b.mp4")]
    assert "a.mp4" in ledger(tmp_path / "out")[0]["reason"]

"""A preparation replaces nothing but what it has made."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from data_prep.executors import Serial
from data_prep.install import install, is_sound
from data_prep.place import place_at
from humangen.types import InputError
from tests.unit.tiny import tiny_shards


def begin(output: Path, work: Path | None = None) -> None:
    with closing(place_at(str(output), work, {"source": "videos"}, Serial())) as place:
        place.begin()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def test_raw_files_in_the_place_of_a_split_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.mp4").write_bytes(b"raw")
    with pytest.raises(InputError, match=r"train is to hold shards, and holds something else \(a.mp4\)"):
        begin(tmp_path)
    tiny_shards(tmp_path / "built", 2, per_shard=2)
    with pytest.raises(InputError, match="holds something else"):
        install(tmp_path / "built", tmp_path / "train")
    assert (tmp_path / "train" / "a.mp4").read_bytes() == b"raw"


def test_shards_of_another_command_are_left_alone(tmp_path: Path) -> None:
    folder, _ = tiny_shards(tmp_path, 2, per_shard=2)
    held = contents(folder)
    with pytest.raises(InputError, match="holds shards that another command wrote"):
        begin(folder.parent)
    assert contents(folder) == held


def test_a_folder_of_somebody_else_is_no_folder_for_work(tmp_path: Path) -> None:
    (tmp_path / "wk" / "project").mkdir(parents=True)
    (tmp_path / "wk" / "project" / ".env").write_text("mine")
    with pytest.raises(InputError, match="no folder of a preparation's work: it holds project"):
        begin(tmp_path / "out", tmp_path / "wk")
    assert (tmp_path / "wk" / "project" / ".env").read_text() == "mine"
    begin(tmp_path / "out", tmp_path / "new")
    begin(tmp_path / "out", tmp_path / "new")


def test_a_damaged_shard_is_not_sound(tmp_path: Path) -> None:
    folder, _ = tiny_shards(tmp_path, 2, per_shard=1)
    assert is_sound(folder)
    tar = folder / "000000.tar"
    content = bytearray(tar.read_bytes())
    content[600] ^= 1
    tar.write_bytes(content)
    assert not is_sound(folder)
    tar.unlink()
    assert not is_sound(folder)

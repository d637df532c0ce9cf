"""`python -m data_prep dancers`: repeatable, disjoint, never over what is there."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from data_prep.__main__ import main
from humangen.data.index import SPLITS, Index
from humangen.data.schema import decode_clip
from humangen.data.stream import Shelf, evaluation_samples

ARGUMENTS = {"people": 5, "held-out": 2, "clips": 1, "size": "48x40", "frames": 2, "workers": 1}


def written(output: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> int:
    """The exit code of the command."""
    options = {**ARGUMENTS, "output": output, **changes}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    monkeypatch.setattr(sys, "argv", ["data_prep", "dancers", *arguments])
    return main()


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dancers")
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert written(folder, monkeypatch) == 0
    return folder


def test_splits_hold_different_people_as_many_as_asked(shards: Path) -> None:
    people = {}
    for split in SPLITS:
        index = Index.load(shards / split, "animation")
        records = [decode_clip(sample) for sample in evaluation_samples(Shelf(shards / split, index))]
        people[split] = [record.info.identity for record in records]
        assert {record.info.split for record in records} == {split} == {index.split}
        for record in records:
            assert record.open().frames([0, 1]).shape == (2, 48, 40, 3)
            assert record.figure.shape == (2, 48, 40)
            assert (record.info.height, record.info.width, record.info.num_frames) == (48, 40, 2)
    assert {split: len(names) for split, names in people.items()} == {"train": 5, "val": 2, "test": 2}
    assert len({name for names in people.values() for name in names}) == 9


def test_an_index_tells_the_truth_about_its_tars(shards: Path) -> None:
    for split in SPLITS:
        for shard in json.loads((shards / split / "index.json").read_text())["shards"]:
            data = (shards / split / shard["name"]).read_bytes()
            assert shard["num_bytes"] == len(data)
            assert shard["sha256"] == hashlib.sha256(data).hexdigest()
    assert [path.name for path in shards.rglob(".*")] == [".lock"], "what a killed drawing leaves behind"


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_command_writes_the_same_bytes(shards: Path, tmp_path: Path, monkeypatch, workers: int) -> None:
    assert written(tmp_path / "again", monkeypatch, workers=workers) == 0
    assert contents(tmp_path / "again") == contents(shards)


def test_more_people_leave_the_first_ones_as_they_are(shards: Path, tmp_path: Path, monkeypatch) -> None:
    assert written(tmp_path / "more", monkeypatch, people=6) == 0
    more, fewer = contents(tmp_path / "more"), contents(shards)
    for split in ("val", "test"):
        assert more[f"{split}/000000.tar"] == fewer[f"{split}/000000.tar"]
    assert more["train/000000.tar"] != fewer["train/000000.tar"]


def test_nothing_is_written_over(shards: Path, monkeypatch, capsys) -> None:
    before = contents(shards)
    assert written(shards, monkeypatch, people=1, frames=3) == 2
    assert "already holds shards" in capsys.readouterr().err
    assert contents(shards) == before


@pytest.mark.parametrize("change", [{"people": 0}, {"frames": 0}, {"fps": 0}, {"size": "0x0"}])
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, monkeypatch, capsys, change: dict) -> None:
    """The command ends with 2 and a sentence; never a traceback, never half a folder."""
    try:
        code = written(tmp_path / "none", monkeypatch, **change)
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert "error:" in capsys.readouterr().err
    assert not contents(tmp_path)

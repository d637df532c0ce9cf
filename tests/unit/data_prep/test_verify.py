"""What stands in the shards is what was written, and the manifest says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import webdataset as wds

from data_prep.shards import digest_of, read_manifest, read_shard
from humangen.data.index import INDEX
from tests.unit.data_prep.drawn import clip_folder, contents, prepare


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for number in ("001", "002"):
        clip_folder(tmp_path / "raw" / number, 3, 32, 32, seed=int(number))
    return tmp_path / "raw"


def test_the_manifest_has_the_hash_of_each_sample(raw: Path, tmp_path: Path) -> None:
    assert prepare("tiktok", raw, tmp_path / "out") == 0
    samples = read_shard(tmp_path / "out" / "train" / "000000.tar", lambda number, field: True)
    stored = {sample["__key__"]: digest_of(sample) for sample in samples}
    assert {line["key"]: line["sample_sha256"] for line in read_manifest(tmp_path / "out" / "train")} == stored
    assert len(set(stored.values())) == 2
    renamed = {"__key__": "a", "json": b"1", "mp4": b"23"}
    assert digest_of(renamed) == digest_of({**renamed, "json": "1", "__key__": "b", "__url__": "c"})
    assert digest_of(renamed) != digest_of({**renamed, "json": b"12", "mp4": b"3"})


def changed(sample: dict) -> dict:
    """Still a sample that can be read."""
    return {**sample, "json": sample["json"].replace(b"30.0", b"31.0")}


def renamed(sample: dict) -> dict:
    return {**sample, "__key__": sample["__key__"] + "-other"}


@pytest.mark.parametrize("spoil", [changed, renamed])
def test_other_bytes_than_were_written_are_found(raw: Path, tmp_path: Path, capsys, spoil) -> None:
    out, write = tmp_path / "out", wds.ShardWriter.write
    assert prepare("tiktok", raw, out) == 0
    whole = contents(out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wds.ShardWriter, "write", lambda writer, sample: write(writer, spoil(sample)))
        assert prepare("tiktok", raw, tmp_path / "spoiled") == 2
    assert "000000.tar holds other bytes of " in capsys.readouterr().err
    assert not list((tmp_path / "spoiled").glob(f"*/{INDEX}"))
    assert prepare("tiktok", raw, tmp_path / "spoiled") == 0
    assert contents(tmp_path / "spoiled") == whole

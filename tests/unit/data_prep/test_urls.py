"""Shards on an fsspec URL: the same bytes, the index last, and a reader takes them from there."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from humangen.data.animation import AnimationData
from humangen.data.clips import PairSampler, WholeClipSampler
from humangen.data.framing import Framing
from humangen.data.index import INDEX
from tests.unit.data_prep.drawn import clip_folder, contents, prepare


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for number in ("001", "002", "335"):
        clip_folder(tmp_path / "raw" / number, 4, 32, 32, seed=int(number))
    return tmp_path / "raw"


def first_of(url: UPath) -> AnimationData:
    framing = Framing(height=32, width=32)
    return AnimationData(
        shards=str(url),
        batch_size=2,
        eval_batch_size=1,
        seed=0,
        num_workers=0,
        train_sampler=PairSampler(),
        eval_sampler=WholeClipSampler(num_frames=4, fps=30),
        train_framing=framing,
        eval_framing=framing,
    )


def test_shards_in_a_bucket_are_those_on_a_disk(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepare("tiktok", raw, tmp_path / "disk") == 0
    bucket = UPath("memory://bucket/tiktok")
    written: list[str] = []
    opened = type(bucket).open
    monkeypatch.setattr(
        type(bucket),
        "open",
        lambda self, mode="r", *rest, **more: (
            (written.append(self.name) if "w" in mode else None) or opened(self, mode, *rest, **more)
        ),
    )
    assert prepare("tiktok", raw, str(bucket), "--work", str(tmp_path / "work")) == 0
    assert [name for name in written if name != "ledger.jsonl"] == ["000000.tar", "manifest.jsonl", INDEX] * 2
    for name in contents(tmp_path / "disk"):
        assert (bucket / name).read_bytes() == (tmp_path / "disk" / name).read_bytes(), name
    written.clear()
    assert prepare("tiktok", raw, str(bucket), "--work", str(tmp_path / "work")) == 0
    assert set(written) <= {"ledger.jsonl"}

    data = first_of(bucket)
    data.setup("fit")
    batch = next(data.batches(data.train_dataloader()))
    assert batch.target.shape == (2, 1, 3, 32, 32)
    assert not batch.drawn.skipped


def test_what_is_far_needs_a_place_for_the_work(raw: Path, capsys: pytest.CaptureFixture) -> None:
    assert prepare("tiktok", raw, "memory://bucket/nowhere") == 2
    assert "--work" in capsys.readouterr().err


def test_a_url_of_this_machine_is_its_folder(raw: Path, tmp_path: Path) -> None:
    assert prepare("tiktok", raw, tmp_path / "disk") == 0
    assert prepare("tiktok", raw, f"file://{tmp_path}/url") == 0
    assert contents(tmp_path / "url") == contents(tmp_path / "disk")

"""Shards that are drawn when they are missed, by several processes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from data_prep.sources.dancers import DancersSource
from humangen.data.index import Index


def test_one_draws_and_the_others_wait_for_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Threads: a lock of a file is held by who has opened it."""
    source = DancersSource(people=1, held_out=1, height=64, width=64, num_frames=2)
    together = Barrier(3)

    def write(number: int) -> None:
        together.wait()
        source.write(tmp_path, workers=1)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    told = capsys.readouterr().out
    assert told.count(" samples in 1 shards") == len(source.splits), "each split is drawn once"
    assert f"another process draws {tmp_path}: waiting for it" in told
    for split in source.splits:
        assert Index.load(tmp_path / split, "animation").num_samples == 1


def test_what_is_complete_is_not_touched(tmp_path: Path) -> None:
    source = DancersSource(people=1, held_out=1, height=64, width=64, num_frames=2)
    source.write(tmp_path, workers=1)
    (tmp_path / ".lock").unlink()
    source.write(tmp_path, workers=1)
    assert not (tmp_path / ".lock").exists()

"""A loader that stands still says where, and does not stand for ever."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.utils.data import IterableDataset

from humangen.data.batches import Source, TrainingBatches
from humangen.data.index import Index
from humangen.data.stream import Shelf, Stream
from humangen.data.tars import Sample
from humangen.data.watch import WIDTH, Stages, WatchedLoader
from humangen.types import InputError
from tests.unit.tiny import tiny_shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Index]:
    return tiny_shards(tmp_path_factory.mktemp("watch"), 4, per_shard=2)


def slow(sample: Sample, *seed: int) -> str:
    """Stands still at one of the samples."""
    if sample["__key__"] == "s02":
        time.sleep(600)
    return sample["__key__"]


def watched(shards: tuple[Path, Index], workers: int, patience: float) -> WatchedLoader:
    stages = Stages(workers)
    source = Source(Shelf(*shards, note=stages.note), slow)
    batches = TrainingBatches(sources=[source], batch_size=1, seed=0, collate=lambda examples, drawn: examples,
                              shuffle_buffer=1, ranks=Stream(), start=0)  # fmt: skip
    return WatchedLoader(batches, num_workers=workers, patience=patience, stages=stages)


def test_the_sample_at_which_a_worker_stands_is_told_and_the_run_ends(shards, capsys, monkeypatch) -> None:
    monkeypatch.setattr(
        torch.utils.data._utils, "MP_STATUS_CHECK_INTERVAL", 0.1
    )  # how long it waits for workers to end
    began = time.monotonic()
    with pytest.raises(InputError, match=r"no batch for [12] s: worker \d has been decoding sample s02 of .*0001.tar"):
        list(itertools.islice(watched(shards, 2, patience=1.0), 8))
    assert time.monotonic() - began < 20
    told = capsys.readouterr().out.splitlines()
    assert 5 <= len(told) <= 20  # the first ones while workers begin
    assert "decoding sample s02" in told[-1]


class Slow(IterableDataset):
    """Slower than a tenth of the patience, faster than the patience."""

    def __iter__(self) -> Iterator[int]:
        for number in range(3):
            time.sleep(0.4)
            yield number


def test_what_is_slow_is_told_and_goes_on_in_order(capsys) -> None:
    loader = WatchedLoader(Slow(), num_workers=1, patience=3.0, stages=Stages(1))
    assert list(loader) == [0, 1, 2]
    assert "worker 0 has not begun" in capsys.readouterr().out


class Failing(IterableDataset):
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("of its own: the tape timed out")
        yield 0


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="of its own"):
        list(WatchedLoader(Failing(), num_workers=1, patience=60, stages=Stages(1)))


def test_signals_to_the_group_of_a_training_do_not_reach_its_workers(shards) -> None:
    stages = Stages(1)
    source = Source(Shelf(*shards, note=stages.note), lambda sample, *seed: os.getpgrp())
    batches = TrainingBatches(sources=[source], batch_size=1, seed=0, collate=lambda examples, drawn: examples,
                              shuffle_buffer=1, ranks=Stream(), start=0)  # fmt: skip
    (group,) = next(iter(WatchedLoader(batches, num_workers=1, patience=60, stages=stages)))
    assert group != os.getpgrp()
    (group,) = next(iter(WatchedLoader(batches, num_workers=0, patience=60, stages=stages)))
    assert group == os.getpgrp()


def test_stages_are_told_the_longest_first() -> None:
    stages = Stages(2)
    stages.note("reading " + "x" * 2 * WIDTH + " end é")
    assert stages.told().endswith("x end é for 0 s")
    assert stages.told().startswith("worker 1 has not begun")

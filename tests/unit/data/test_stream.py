"""The order of samples: repeatable, disjoint, complete."""

from __future__ import annotations

import itertools
import tarfile
from pathlib import Path

import pytest

from humangen.data.index import Index
from humangen.data.stream import Shelf, Stream, evaluation_samples, training_samples
from humangen.types import InputError
from tests.unit.tiny import tiny_shards

COUNT = 13


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Index]:
    """13 samples in shards of 4, 4, 4 and 1."""
    return tiny_shards(tmp_path_factory.mktemp("stream"), COUNT, per_shard=4)


def keys(shards: tuple[Path, Index], stream: Stream, *, seed: int = 0, buffer: int = 5, epochs: int = 1) -> list:
    """The (epoch, key) of one stream's first epochs."""
    samples = training_samples(Shelf(*shards), stream, seed=seed, buffer=buffer)
    return [(epoch, sample["__key__"]) for epoch, sample in itertools.takewhile(lambda pair: pair[0] < epochs, samples)]


def everyone(epochs: int = 1) -> list[tuple[int, str]]:
    return [(epoch, f"s{number:02d}") for epoch in range(epochs) for number in range(COUNT)]


def test_the_same_seed_gives_the_same_order(shards) -> None:
    assert keys(shards, Stream(), epochs=3) == keys(shards, Stream(), epochs=3)
    assert keys(shards, Stream()) != keys(shards, Stream(), seed=1)


def test_epochs_are_whole_and_in_different_orders(shards) -> None:
    order = keys(shards, Stream(), epochs=3)
    assert sorted(order) == everyone(3)
    passes = [[key for epoch, key in order if epoch == number] for number in range(3)]
    assert passes[0] != passes[1] != passes[2] != passes[0]


@pytest.mark.parametrize("buffer", [1, 5, 1000])
def test_any_buffer_keeps_every_sample(shards, buffer: int) -> None:
    assert sorted(keys(shards, Stream(), buffer=buffer)) == everyone()


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 13])
def test_streams_share_out_every_sample_once(shards, count: int) -> None:
    """4 shards: whole shards up to 4 streams, every n-th sample beyond."""
    parts = [keys(shards, Stream(index, count), epochs=2) for index in range(count)]
    assert all(parts)
    assert sorted(itertools.chain(*parts)) == everyone(2)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 13, 20])
def test_evaluation_streams_share_out_every_sample_once(shards, count: int) -> None:
    parts = [
        [sample["__key__"] for sample in evaluation_samples(Shelf(*shards), Stream(index, count))] for index in range(count)
    ]
    assert sorted(itertools.chain(*parts)) == [key for _, key in everyone()]


def test_more_streams_than_samples_are_refused(shards) -> None:
    with pytest.raises(InputError, match="14 loader workers: give fewer with data.num_workers"):
        keys(shards, Stream(COUNT, COUNT + 1))


def test_a_cut_tar_is_passed_over_in_training_and_raises_in_evaluation(tmp_path: Path) -> None:
    folder, index = tiny_shards(tmp_path, 6, per_shard=3)
    tar = folder / "000000.tar"
    with tarfile.open(tar) as archive:
        cut = archive.getmember("s01.mp4").offset_data + 100
    tar.write_bytes(tar.read_bytes()[:cut])
    errors: list[Exception] = []
    samples = training_samples(
        folder, index, Stream(), seed=0, buffer=1, on_error=lambda error: errors.append(error) is None
    )
    first = [sample["__key__"] for _, sample in itertools.islice(samples, 5)]
    assert {"s03", "s04", "s05"} <= set(first)
    assert "s02" not in first
    assert errors
    with pytest.raises(InputError, match="broken"):
        list(evaluation_samples(folder, index, Stream()))

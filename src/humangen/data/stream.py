"""Samples out of shards, in an order that is a pure function of (seed, epoch, stream). The door to webdataset.

A *stream* is what one loader worker of one rank reads. Where there are as many shards as streams, each stream
takes whole shards; with fewer, every stream reads them all and takes every n-th sample. Either way the streams
of an epoch are disjoint and complete.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import webdataset as wds
from upath import UPath

from humangen.data.index import Index
from humangen.types import InputError

Sample = dict[str, Any]  # members by field name, as bytes, and "__key__"


@dataclass(frozen=True)
class Stream:
    """Number `index` of `count` streams."""

    index: int = 0
    count: int = 1


def read_shard(path: UPath, on_error: Callable[[Exception], bool]) -> Iterator[Sample]:
    """The raw samples of one tar, in file order."""
    files = wds.tariterators.tar_file_expander(_opened(path, on_error), handler=on_error)
    return wds.tariterators.group_by_keys(files, handler=on_error)


def _opened(path: UPath, on_error: Callable[[Exception], bool]) -> Iterator[Sample]:
    try:
        stream = path.open("rb")
    except OSError as error:
        if not on_error(error):
            raise
        return
    with stream:
        yield {"url": str(path), "stream": stream}


def epoch_samples(
    folder: UPath, index: Index, stream: Stream, order: list[int], on_error: Callable[[Exception], bool]
) -> Iterator[Sample]:
    """One stream's share of one pass over the shards, taken in `order`."""
    whole_shards = len(order) >= stream.count
    mine = order[stream.index :: stream.count] if whole_shards else order
    samples = itertools.chain.from_iterable(read_shard(folder / index.shards[number].name, on_error) for number in mine)
    return samples if whole_shards else itertools.islice(samples, stream.index, None, stream.count)


def training_samples(
    folder: UPath,
    index: Index,
    stream: Stream,
    *,
    seed: int,
    buffer: int,
    on_error: Callable[[Exception], bool],
) -> Iterator[tuple[int, Sample]]:
    """Endless (epoch, raw sample): shards shuffled each epoch, then samples within a buffer of that many."""
    for epoch in itertools.count():
        order = list(range(len(index.shards)))
        random.Random(f"{seed}/{epoch}").shuffle(order)
        shuffle = wds.filters.shuffle(buffer, initial=buffer, rng=random.Random(f"{seed}/{epoch}/{stream}"))
        empty = True
        for sample in shuffle(epoch_samples(folder, index, stream, order, on_error)):
            empty = False
            yield epoch, sample
        if empty:
            raise InputError(
                f"{folder} has too few samples for {stream.count} loader workers: use fewer workers or ranks"
            )


def evaluation_samples(folder: UPath, index: Index, stream: Stream) -> Iterator[Sample]:
    """Every sample once over all streams, in file order; a broken shard raises."""

    def fail(error: Exception) -> bool:
        raise InputError(f"a shard in {folder} is broken: {error}") from error

    return epoch_samples(folder, index, stream, list(range(len(index.shards))), fail)

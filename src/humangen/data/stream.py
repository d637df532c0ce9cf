"""Samples out of shards, in an order that is a pure function of (seed, epoch, stream).

A *stream* is what fills one place of the batches that a loader worker makes, in training, and all that it reads in
evaluation. An *epoch* is one pass over all samples: the shards are shuffled and laid end to end, and each stream takes
its part of that row, as long as the others' within one sample, so that it opens no more shards than it needs. Streams
go from epoch to epoch without waiting for each other, and batches may lie across the border, so that every rank has
equally many. The order is one of ids, (shard, number in it): what was passed over is counted and not read.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np
import webdataset as wds
from upath import UPath

from humangen.data.cache import ShardCache
from humangen.data.index import Index
from humangen.data.tars import LARGE, Sample, read_shard
from humangen.types import InputError

Id = tuple[int, int]  # a shard's number in the index, a sample's number in the shard


def unnoted(stage: str) -> None:
    """For who does not ask what is being done."""


@dataclass(frozen=True)
class Stream:
    """Number `index` of `count` streams."""

    index: int = 0
    count: int = 1

    def share(self, total: int, turn: int = 0) -> range:
        """This stream's part of `total` things in a row. Parts differ by one thing at most; with every `turn` streams
        change places, so that after `count` of them all have had equally many."""
        place = (self.index + turn) % self.count
        return range(*(-(-total * edge // self.count) for edge in (place, place + 1)))

    def position(self, total: int, drawn: int) -> tuple[int, int]:
        """Epoch, and samples drawn in it, after `drawn` samples of a set of `total`."""
        rounds, left = divmod(drawn, total)  # in a round of `count` epochs a stream has had every place once
        epoch = rounds * self.count
        while left >= (size := len(self.share(total, epoch))):
            left -= size
            epoch += 1
        return epoch, left


def shard_order(count: int, seed: int, epoch: int) -> list[int]:
    """All shards as they lie behind one another in an epoch."""
    order = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


class Row:
    """Shards end to end in an `order`; number n holds `sizes[n]` samples."""

    def __init__(self, sizes: Sequence[int], order: Sequence[int]) -> None:
        self.sizes, self.order = sizes, order
        self.ends = np.cumsum([sizes[shard] for shard in order])

    def ids(self, part: range) -> list[Id]:
        """The samples at the places `part`."""
        ids: list[Id] = []
        for place in range(int(np.searchsorted(self.ends, part.start, "right")), len(self.order)):
            shard, end = self.order[place], int(self.ends[place])
            start = end - self.sizes[shard]
            if start >= part.stop:
                break
            ids += [(shard, number - start) for number in range(max(part.start, start), min(part.stop, end))]
        return ids


@dataclass(frozen=True)
class Shelf:
    """The shards of one split. `note` is told what is being done, for who waits for it."""

    folder: Path | UPath
    index: Index
    cache: ShardCache = ShardCache()
    note: Callable[[str], None] = unnoted

    def read(self, ids: Sequence[Id], left: frozenset[str] = LARGE) -> Iterator[tuple[Id, Sample | InputError]]:
        """Of each id, shard by shard, its raw sample, or what is wrong with it. Ids of a shard are side by side."""
        for number, group in itertools.groupby(ids, key=itemgetter(0)):
            missing = {place for _, place in group}
            known = self.index.shards[number]
            shard = self.cache.place(UPath(self.folder) / known.name, known)
            self.note(f"opening shard {shard}")
            wrong = f"{shard} does not hold it"
            try:
                for place, sample in read_shard(shard, frozenset(missing), left):
                    missing.discard(place)
                    yield (number, place), sample
                    self.note(f"reading shard {shard}")
            except InputError as error:
                wrong = str(error)
            for place in sorted(missing):
                yield (number, place), InputError(f"sample {place} of shard {shard.name}: {wrong}")


def training_samples(
    shelf: Shelf, stream: Stream, *, seed: int, buffer: int, start: int = 0, left: frozenset[str] = LARGE
) -> Iterator[tuple[int, Sample | InputError]]:
    """Endless (epoch, raw sample or what is wrong with it) of one stream from its sample `start` on: shards shuffled
    each epoch, then samples within a buffer of that many. Only shards that hold what is still to come are opened."""
    total = shelf.index.num_samples
    if not total:
        raise InputError(f"{shelf.folder} holds no sample")
    sizes = [shard.num_samples for shard in shelf.index.shards]
    first, passed = stream.position(total, start)
    for epoch in itertools.count(first):
        ids = Row(sizes, shard_order(len(sizes), seed, epoch)).ids(stream.share(total, epoch))
        shuffle = wds.filters.shuffle(buffer, initial=buffer, rng=random.Random(f"{seed}/{epoch}/{stream}"))
        order = list(shuffle(iter(ids)))[passed:]
        coming = set(order)
        read = shelf.read([each for each in ids if each in coming], left)
        held: dict[Id, Sample | InputError] = {}
        for each in order:
            while each not in held:
                held.update([next(read)])
            yield epoch, held.pop(each)
        passed = 0


def first_samples(
    shelf: Shelf, stream: Stream = Stream(), *, limit: int | None = None
) -> Iterator[Sample | InputError]:
    """The first `limit` samples (None: every one) once over all streams, in file order, or what is wrong with them."""
    sizes = [shard.num_samples for shard in shelf.index.shards]
    total = sum(sizes) if limit is None else min(sum(sizes), limit)
    for _, sample in shelf.read(Row(sizes, range(len(sizes))).ids(stream.share(total))):
        yield sample


def evaluation_samples(shelf: Shelf, stream: Stream = Stream(), *, limit: int | None = None) -> Iterator[Sample]:
    """The same; a broken one raises."""
    for sample in first_samples(shelf, stream, limit=limit):
        if isinstance(sample, InputError):
            raise InputError(f"a shard in {shelf.folder} is broken: {sample}") from sample
        yield sample

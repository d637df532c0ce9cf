"""Samples out of shards, in an order that is a pure function of (seed, epoch, stream). The door to webdataset.

A *stream* is what fills one place of the batches that a loader worker makes, in training, and all that it reads in
evaluation. An *epoch* is one pass over all samples: the shards are shuffled and laid end to end, and each stream takes
its part of that row, as long as the others' within one sample, so that it opens no more shards than it needs. Streams
go from epoch to epoch without waiting for each other, and batches may lie across the border, so that every rank has
equally many. The order is one of ids, (shard, number in it): what
was passed over is counted and not read.
"""

from __future__ import annotations

import itertools
import random
import tarfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import webdataset as wds
from upath import UPath

from humangen.data.cache import ShardCache
from humangen.data.index import Index
from humangen.data.schema import LATENTS
from humangen.types import InputError

Sample = dict[str, Any]  # members by field name, as bytes or left in place, and "__key__"
Id = tuple[int, int]  # a shard's number in the index, a sample's number in the shard
LARGE = frozenset({LATENTS})  # fields of which a reader wants a few pieces


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


class Openable(Protocol):
    """A file, here or elsewhere; opening raises `InputError` where it cannot be had."""

    def open(self, mode: str) -> BinaryIO: ...


@dataclass(frozen=True)
class Stored:
    """A member that was left in its tar: `size` bytes from `offset` on."""

    path: Openable
    offset: int
    size: int

    def read(self, pieces: list[tuple[int, int]]) -> list[bytes]:
        """Of each piece (start, stop) its bytes, `stop` not included; raises `InputError` where they are not there."""
        try:
            with self.path.open("rb") as file:
                return self.read_from(file, pieces)
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error}") from error

    def read_from(self, file: BinaryIO, pieces: list[tuple[int, int]]) -> list[bytes]:
        """`read` out of the tar where it is open."""
        found = []
        for start, stop in pieces:
            file.seek(self.offset + start)
            found.append(file.read(stop - start))
        if [len(piece) for piece in found] != [stop - start for start, stop in pieces]:
            raise InputError(f"{self.path} breaks off")
        return found


def read_shard(
    path: Openable, numbers: Collection[int] | None = None, left: frozenset[str] = LARGE
) -> Iterator[tuple[int, Sample]]:
    """The raw samples of one tar with these `numbers` (None: all), in file order; the others' bytes are passed over.
    The fields `left` are not read, but `Stored`. Raises `InputError` where the file breaks."""
    last = max(numbers, default=-1) if numbers is not None else None
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for number, (key, members) in enumerate(itertools.groupby(_members(archive), key=itemgetter(0))):
                if numbers is None or number in numbers:
                    sample: Sample = {"__key__": key, "__url__": str(path)}
                    for _, field, member in members:
                        if field in sample:
                            raise InputError(f"{path} holds {member.name} twice")
                        stored = Stored(path, member.offset_data, member.size)
                        sample[field] = stored if field in left else stored.read_from(file, [(0, member.size)])[0]
                    yield number, sample
                if number == last:
                    return
    except InputError:
        raise
    except Exception as error:  # whatever tarfile, the disk or the network make of a broken file
        raise InputError(f"{path} is broken: {error}") from error


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, str, tarfile.TarInfo]]:
    """Key, field and place of each file that is part of a sample."""
    for member in archive:
        key, field = wds.tariterators.base_plus_ext(member.name)
        if key and member.isreg():
            yield key, field.lower(), member


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


def evaluation_samples(shelf: Shelf, stream: Stream = Stream(), *, limit: int | None = None) -> Iterator[Sample]:
    """The first `limit` samples (None: every one) once over all streams, in file order; a broken shard raises."""
    sizes = [shard.num_samples for shard in shelf.index.shards]
    total = sum(sizes) if limit is None else min(sum(sizes), limit)
    for _, sample in shelf.read(Row(sizes, range(len(sizes))).ids(stream.share(total))):
        if isinstance(sample, InputError):
            raise InputError(f"a shard in {shelf.folder} is broken: {sample}") from sample
        yield sample

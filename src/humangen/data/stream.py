"""Samples out of shards, in an order that is a pure function of (seed, epoch, stream). The door to webdataset.

A *stream* is what one loader worker of one rank reads. Where there are as many shards as streams, each stream
takes whole shards; with fewer, every stream reads them all and takes every n-th sample. Either way the streams
of an epoch are disjoint and complete.
"""

from __future__ import annotations

import itertools
import random
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import webdataset as wds
from upath import UPath

from humangen.data.index import Index
from humangen.data.schema import LATENTS
from humangen.types import InputError

Sample = dict[str, Any]  # members by field name, as bytes or left in place, and "__key__"
LARGE = frozenset({LATENTS})  # fields of which a reader wants a few pieces


@dataclass(frozen=True)
class Stream:
    """Number `index` of `count` streams."""

    index: int = 0
    count: int = 1


@dataclass(frozen=True)
class Stored:
    """A member that was left in its tar: `size` bytes from `offset` on."""

    path: UPath
    offset: int
    size: int

    def read(self, pieces: list[tuple[int, int]]) -> list[bytes]:
        """Of each piece (start, stop) its bytes, `stop` not included; raises `InputError` where they are not there."""
        found = []
        try:
            with self.path.open("rb") as file:
                for start, stop in pieces:
                    file.seek(self.offset + start)
                    found.append(file.read(stop - start))
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error}") from error
        if [len(piece) for piece in found] != [stop - start for start, stop in pieces]:
            raise InputError(f"{self.path} breaks off")
        return found


def read_shard(path: UPath, on_error: Callable[[Exception], bool], left: frozenset[str] = LARGE) -> Iterator[Sample]:
    """The raw samples of one tar, in file order; the fields `left` are not read, but `Stored`."""
    return wds.tariterators.group_by_keys(_members(path, on_error, left), handler=on_error)


def _members(path: UPath, on_error: Callable[[Exception], bool], left: frozenset[str]) -> Iterator[Sample]:
    """The files of one tar, as `group_by_keys` takes them."""
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                data: bytes | Stored = Stored(path, member.offset_data, member.size)
                if member.name.partition(".")[2] not in left:
                    opened = archive.extractfile(member)
                    data = opened.read() if opened else b""
                yield {"fname": member.name, "data": data, "__url__": str(path)}
    except Exception as error:  # whatever tarfile, the disk or the network make of a broken file
        if not on_error(error):
            raise


def epoch_samples(
    folder: UPath,
    index: Index,
    stream: Stream,
    order: list[int],
    on_error: Callable[[Exception], bool],
    left: frozenset[str] = LARGE,
) -> Iterator[Sample]:
    """One stream's share of one pass over the shards, taken in `order`."""
    whole_shards = len(order) >= stream.count
    mine = order[stream.index :: stream.count] if whole_shards else order
    shards = (folder / index.shards[number].name for number in mine)
    samples = itertools.chain.from_iterable(read_shard(path, on_error, left) for path in shards)
    return samples if whole_shards else itertools.islice(samples, stream.index, None, stream.count)


def training_samples(
    folder: UPath,
    index: Index,
    stream: Stream,
    *,
    seed: int,
    buffer: int,
    on_error: Callable[[Exception], bool],
    left: frozenset[str] = LARGE,
) -> Iterator[tuple[int, Sample]]:
    """Endless (epoch, raw sample): shards shuffled each epoch, then samples within a buffer of that many."""
    for epoch in itertools.count():
        order = list(range(len(index.shards)))
        random.Random(f"{seed}/{epoch}").shuffle(order)
        shuffle = wds.filters.shuffle(buffer, initial=buffer, rng=random.Random(f"{seed}/{epoch}/{stream}"))
        empty = True
        for sample in shuffle(epoch_samples(folder, index, stream, order, on_error, left)):
            empty = False
            yield epoch, sample
        if empty:
            raise InputError(
                f"{folder} has too few samples for {stream.count} loader workers: give fewer with data.num_workers, or "
                "use fewer ranks"
            )


def evaluation_samples(folder: UPath, index: Index, stream: Stream) -> Iterator[Sample]:
    """Every sample once over all streams, in file order; a broken shard raises."""

    def fail(error: Exception) -> bool:
        raise InputError(f"a shard in {folder} is broken: {error}") from error

    return epoch_samples(folder, index, stream, list(range(len(index.shards))), fail)

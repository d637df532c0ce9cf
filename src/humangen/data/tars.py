"""Raw samples out of one tar: files that lie behind one another and share a key, as webdataset groups them."""

from __future__ import annotations

import itertools
import os
import tarfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, BinaryIO, Protocol

import webdataset as wds

from humangen.data.schema import LATENTS
from humangen.types import InputError

Sample = dict[str, Any]  # members by field name, as bytes or left in place, and "__key__"
Place = tuple[int, int]  # a member's first byte in the tar, and its size
Read = Callable[[list[tuple[int, int]]], list[bytes]]  # of each piece (start, stop) its bytes, `stop` not included
LARGE = frozenset({LATENTS})  # fields of which a reader wants a few pieces


class Openable(Protocol):
    """A file, here or elsewhere; opening raises `InputError` where it cannot be had."""

    def open(self, mode: str) -> BinaryIO: ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Stored:
    """A member that was left in its tar: `size` bytes from `offset` on."""

    path: Openable
    offset: int
    size: int

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Reads pieces of the member; raises `InputError` where they are not there."""
        try:
            with self.path.open("rb") as file:
                yield partial(self.read_from, file)
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error}") from error

    def read_from(self, file: BinaryIO, pieces: list[tuple[int, int]]) -> list[bytes]:
        """Those pieces, out of the tar where it is open."""
        found = []
        for start, stop in pieces:
            file.seek(self.offset + start)
            found.append(file.read(stop - start))
        if [len(piece) for piece in found] != [stop - start for start, stop in pieces]:
            raise InputError(f"{self.path} breaks off")
        return found


@dataclass(frozen=True)
class Layout:
    """Where the samples of a tar lie: of each its key, and by field the places of its members. `fault` says what is
    wrong behind the last of them."""

    samples: list[tuple[str, dict[str, Place]]]
    fault: str | None = None


def read_shard(
    path: Openable, numbers: Collection[int] | None = None, left: frozenset[str] = LARGE
) -> Iterator[tuple[int, Sample]]:
    """The raw samples of one tar with these `numbers` (None: all), in file order; nothing else is read but headers, and
    those once. The fields `left` are not read, but `Stored`. Raises `InputError` where the file breaks."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            layout = _layout(path, status.st_size, status.st_mtime_ns)
            for number in sorted(numbers) if numbers is not None else range(len(layout.samples)):
                if number >= len(layout.samples):
                    break
                key, places = layout.samples[number]
                sample: Sample = {"__key__": key, "__url__": str(path)}
                for field, place in places.items():
                    stored = Stored(path, *place)
                    sample[field] = stored if field in left else stored.read_from(file, [(0, stored.size)])[0]
                yield number, sample
    except OSError as error:
        raise InputError(f"{path} is broken: {error}") from error
    if layout.fault:
        raise InputError(layout.fault)


@lru_cache(maxsize=32)
def _layout(path: Openable, size: int, changed: int) -> Layout:
    """The layout of a file of that size, last changed then. To find it takes about as long as to read small members:
    a worker, whose streams share shards and come back to them, finds it once."""
    samples: list[tuple[str, dict[str, Place]]] = []
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for key, members in itertools.groupby(_members(archive), key=itemgetter(0)):
                places: dict[str, Place] = {}
                for _, field, member in members:
                    if field in places:
                        return Layout(samples, f"{path} holds {member.name} twice")
                    places[field] = member.offset_data, member.size
                samples.append((key, places))
    except OSError:  # it may be there the next time
        raise
    except Exception as error:  # whatever tarfile makes of a broken file
        return Layout(samples, f"{path} is broken: {error}")
    return Layout(samples)


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, str, tarfile.TarInfo]]:
    """Key, field and place of each file that is part of a sample."""
    for member in archive:
        key, field = wds.tariterators.base_plus_ext(member.name)
        if key and member.isreg():
            yield key, field.lower(), member

"""The frames of a clip that is encoded pictures: a folder of them, or rows of a TSV."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.frames import digest, stamp
from data_prep.items import Probe
from data_prep.oddities import oddities
from humangen.media import decode_picture
from humangen.types import InputError


@dataclass(frozen=True)
class Pictures(ABC):
    """Encoded pictures in order, all of one size."""

    fps: float

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """What errors call each picture."""

    @abstractmethod
    def encoded(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of each file from `start` to before `stop`."""

    def files(self, start: int, stop: int) -> Iterator[tuple[str, bytes]]:
        return zip(self.names()[start:stop], self.encoded(start, stop), strict=True)

    def probe(self) -> Probe:
        count = len(self.names())
        odd: Counter[str] = Counter()
        for name, data in self.files(0, count):
            found = oddities(data, name)
            odd.update([*found.repairs, *found.misnamed])
        first, middle = (next(self.read(number, number + 1, self.fps)) for number in (0, count // 2))
        notes = tuple(f"{often} pictures: {what}" for what, often in sorted(odd.items()))
        return Probe(self.fps, count, first.shape[0], first.shape[1], digest(first), digest(middle), notes)

    def read(self, start: int, stop: int, fps: float) -> Iterator[np.ndarray]:
        size: tuple[int, ...] | None = None
        for name, data in self.files(start, stop):
            picture = decode_picture(data, name)
            if size not in (None, picture.shape):
                raise InputError(f"{name} is {picture.shape[1]}x{picture.shape[0]}, its neighbours are not")
            size = picture.shape
            yield picture


@dataclass(frozen=True)
class PictureFrames(Pictures):
    """A folder's pictures."""

    paths: tuple[Path, ...] = ()

    @property
    def fingerprint(self) -> str:
        return stamp(self.paths)

    def names(self) -> tuple[str, ...]:
        return tuple(str(path) for path in self.paths)

    def encoded(self, start: int, stop: int) -> Iterator[bytes]:
        return (path.read_bytes() for path in self.paths[start:stop])


@dataclass(frozen=True)
class TsvFrames(Pictures):
    """Rows of a TSV whose second column is a picture in base64; `rows` are (key, byte offset)."""

    path: Path = Path()
    rows: tuple[tuple[str, int], ...] = ()

    @property
    def fingerprint(self) -> str:
        return stamp((self.path,))

    def names(self) -> tuple[str, ...]:
        return tuple(f"row {key} of {self.path.name}" for key, _ in self.rows)

    def encoded(self, start: int, stop: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            for key, offset in self.rows[start:stop]:
                file.seek(offset)
                columns = file.readline().rstrip(b"\r\n").split(b"\t")
                try:
                    yield base64.b64decode(columns[1], validate=True)
                except (IndexError, ValueError) as error:
                    raise InputError(f"{self.path}: row {key} does not hold a picture in base64") from error

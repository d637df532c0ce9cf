"""What a source finds, and what is said of what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np


@dataclass(frozen=True)
class Probe:
    """What a clip's files say of it before it is read: `fps` frames a second, all of `height` x `width` pixels.

    `digest` and `middle` are the sha256 of the first and the middle frame's pixels; `notes` say what is odd about the
    files, and was put right.
    """

    fps: float
    num_frames: int
    height: int
    width: int
    digest: str
    middle: str
    notes: tuple[str, ...] = ()


class Frames(Protocol):
    """The pictures of one clip, in order, somewhere in the raw data; nothing is opened before it is asked for."""

    @property
    def fingerprint(self) -> str:
        """Changes when the files change."""

    def probe(self) -> Probe: ...

    def read(self, start: int, stop: int, fps: float) -> Iterator[np.ndarray]:
        """Frames `start` to `stop` (not included) as uint8 RGB (H, W, 3), `fps` as probed; raises `InputError`
        where a file breaks off."""


@dataclass(frozen=True)
class RawClip:
    """A clip as found. `poses` and `masks` are files of its own, one a frame, where the source has them."""

    key: str
    identity: str
    split: str
    path: str  # relative to the input, for people
    frames: Frames
    poses: tuple[Path, ...] | None = None
    masks: Frames | None = None


@dataclass(frozen=True)
class RawPair:
    """A try-on sample as found: the person wears `garment` in training and paired order, another one otherwise.

    `parser` (`cihp`, `atr`) says whose label numbers `parse` has; `mask` is the source's own region.
    """

    key: str
    identity: str
    split: str
    path: str  # relative to the input, for people
    category: str  # upper, lower or dress
    person: Path
    garment: Path
    parse: Path | None = None
    parser: str | None = None
    pose: Path | None = None
    mask: Path | None = None


@dataclass(frozen=True)
class Problem:
    """One line of the ledger: what was `failed` is left out, `repaired` and `marked` samples arrive."""

    key: str
    stage: str
    outcome: Literal["failed", "repaired", "marked"]
    reason: str


def safe_key(name: str) -> str:
    """A sample key out of a relative path: webdataset ends keys at the first dot, and files live in no folder."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name.replace("/", "_")).strip("-")

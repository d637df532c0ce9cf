"""What a source finds, and what is said of what went wrong."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

import numpy as np

UNPAIRED = "test_unpaired"  # the split whose people do not wear their garments
LONGEST_KEY = 120  # so that it still fits with what is added to it where files may have 255 characters


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


class Masks(Protocol):
    """Mask files of a clip's person, one a frame."""

    @property
    def fingerprint(self) -> str: ...

    def files(self, start: int, stop: int) -> Iterator[tuple[str, bytes]]:
        """What errors call each file of the frames `start` to `stop` (not included), and its bytes."""


@dataclass(frozen=True)
class RawClip:
    """A clip as found. `poses` and `masks` are files of its own, one a frame, where the source has them."""

    key: str
    identity: str
    split: str
    path: str  # relative to the input, for people
    frames: Frames
    poses: tuple[Path, ...] | None = None
    masks: Masks | None = None


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

    @property
    def paired(self) -> bool:
        """Whether `person` shows the person in `garment`."""
        return self.split != UNPAIRED


@dataclass(frozen=True)
class Problem:
    """One line of the ledger: what was `failed` is left out, `repaired` and `marked` samples arrive."""

    key: str
    stage: str
    outcome: Literal["failed", "repaired", "marked"]
    reason: str


def is_hidden(name: str) -> bool:
    """Whether a relative path is one that systems keep for themselves, like macOS its `._dance.mp4`."""
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def no_file(path: Path, name: str) -> Problem:
    """Of what is called like a file that is wanted, `name` inside the input."""
    what = "a link to nothing" if path.is_symlink() else "a folder" if path.is_dir() else "no file"
    return Problem(safe_key(name), "discover", "failed", f"{path} is {what}")


def safe_key(*names: str) -> str:
    """A sample key out of relative paths: webdataset ends keys at the first dot, and files live in no folder.

    It is a function of these names alone, and no others have it: where letters are lost, a hash of the name tells it
    from its like. So files that come or go beside them change no key.
    """
    key = "+".join(_safe(name) for name in names)
    return key if len(key) <= LONGEST_KEY else f"{key[:LONGEST_KEY]}-{short_hash('+'.join(names))}"


def _safe(name: str) -> str:
    key = re.sub(r"[^A-Za-z0-9_-]+", "-", name.replace("/", "_")).strip("-")
    return key if key and key == name else f"{key}-{short_hash(name)}".strip("-")


def short_hash(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:8]  # a file's name need not be UTF-8


def piece_key(key: str, number: str) -> str:
    """The key of a piece that a clip is cut into; no clip that is has one like it, for its own has no `+`."""
    return f"{key}+{number}"

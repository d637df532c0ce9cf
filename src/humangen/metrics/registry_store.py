"""The folder of weights: what is in it, whether that is the published content, and how it gets there.

A file is used only when its sha256 is the recorded one, so no other network ever stands in under a known name.
"""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Iterator
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

from rich.progress import Progress

from humangen.media import replacing
from humangen.metrics.registry_files import WeightFile
from humangen.types import InputError

FOLDER = "HUMANGEN_WEIGHTS"  # the environment's name for the folder
HERE, MISSING, WRONG = "here", "missing", "wrong sha256"
CHUNK, PATIENCE = 1 << 20, 30  # bytes; seconds without an answer


def weights_folder(folder: str | Path | None = None) -> Path:
    """`folder`, else $HUMANGEN_WEIGHTS, else ~/.cache/humangen/weights."""
    return Path(folder or os.environ.get(FOLDER) or "~/.cache/humangen/weights").expanduser()


def place(weight: WeightFile, folder: Path) -> Path:
    """Where the file lies or would lie."""
    return weight.packaged() or folder / weight.file


def state(weight: WeightFile, folder: Path) -> str:
    """One of HERE, MISSING, WRONG."""
    path = place(weight, folder)
    if not path.is_file():
        return MISSING
    if path.stat().st_size != weight.num_bytes:
        return WRONG  # without reading it
    return HERE if sha256_of(path) == weight.sha256 else WRONG


def located(weight: WeightFile, folder: Path) -> Path:
    """The path of the file. Raises `InputError` where it is not there, or not the recorded one."""
    path, found = place(weight, folder), state(weight, folder)
    if found == HERE:
        return path
    ways = {
        MISSING: f"{weight.file} is not in {folder}: run humangen weights fetch {weight.name}, put it there, or name "
        f"the folder that has it in {FOLDER}",
        WRONG: f"{path} is refused, because it is not the recorded file (sha256 {weight.sha256}): remove "
        f"it, and get the one from {weight.address or weight.source}",
    }
    raise InputError(ways[found])


def fetch(weight: WeightFile, folder: Path) -> Path:
    """Downloads the file under a temporary name, checks it, and only then gives it its name.

    Raises `InputError` where it cannot be had, and where what comes is not the recorded file.
    """
    path = place(weight, folder)
    if state(weight, folder) == HERE:
        return path
    if weight.address is None:
        raise InputError(
            f"{weight.file} cannot be fetched by a program: get it from {weight.source}; put it in {folder}"
        )
    with replacing(path) as temporary:
        found = _download(weight, temporary)
        if found != weight.sha256:
            raise InputError(
                f"{weight.address} sent another file than the recorded one: sha256 {found}, not {weight.sha256}"
            )
    return path


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content; read once in a process as long as the file does not change."""
    status = path.stat()
    return _hashed(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _hashed(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(weight: WeightFile, path: Path) -> str:
    """Writes what the address sends to `path`, whole, and returns its sha256."""
    digest, received = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(weight.address or "", timeout=PATIENCE) as answer, path.open("wb") as file:
            length = int(answer.headers.get("Content-Length") or 0) or weight.num_bytes
            for chunk in _chunks(answer, weight.file, length):
                digest.update(chunk)
                received += file.write(chunk)
    except (OSError, HTTPException, ValueError) as error:  # no network, refused, broken off, no space
        raise InputError(
            f"{weight.file} cannot be fetched ({error}): check the network, or download {weight.address} elsewhere and "
            f"put it into {path.parent}"
        ) from error
    if length and received != length:
        raise InputError(f"{weight.address} broke off after {received:,} of {length:,} bytes: try again")
    return digest.hexdigest()


def _chunks(answer: BinaryIO, name: str, length: int | None) -> Iterator[bytes]:
    """The answer piece by piece, with a bar that shows how far it is."""
    with Progress(transient=True) as progress:
        bar = progress.add_task(name, total=length)
        while chunk := answer.read(CHUNK):
            progress.advance(bar, len(chunk))
            yield chunk

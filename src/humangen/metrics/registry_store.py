"""The folder of weights: what is in it, whether that is the published content, and how it gets there.

A file is used only when its sha256 is the recorded one. Where the registry has none, a person may vouch for a file:
its sha256 is then written to `trusted.json` in the folder, and from there on is the recorded one. A recorded sha256
cannot be overruled, so no other network ever stands in under a known name.
"""

from __future__ import annotations

import hashlib
import json
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
TRUSTED = "trusted.json"
HERE, MISSING, WRONG, UNTRUSTED = "here", "missing", "wrong sha256", "not trusted"
CHUNK, PATIENCE = 1 << 20, 30  # bytes; seconds without an answer


def weights_folder(folder: str | Path | None = None) -> Path:
    """`folder`, else $HUMANGEN_WEIGHTS, else ~/.cache/humangen/weights."""
    return Path(folder or os.environ.get(FOLDER) or "~/.cache/humangen/weights").expanduser()


def place(weight: WeightFile, folder: Path) -> Path:
    """Where the file lies or would lie."""
    return weight.packaged() or folder / weight.file


def state(weight: WeightFile, folder: Path) -> str:
    """One of HERE, MISSING, WRONG, UNTRUSTED."""
    path = place(weight, folder)
    if not path.is_file():
        return MISSING
    expected = recorded(weight, folder)
    if expected is None:
        return UNTRUSTED
    if weight.num_bytes is not None and path.stat().st_size != weight.num_bytes:
        return WRONG  # without reading it
    return HERE if sha256_of(path) == expected else WRONG


def recorded(weight: WeightFile, folder: Path) -> str | None:
    """The sha256 that the file must have: the registry's, else the one a person vouched for in `folder`."""
    return weight.sha256 or _trusted(folder).get(weight.file)


def located(weight: WeightFile, folder: Path) -> Path:
    """The path of the file. Raises `InputError` where it is not there, or not the recorded one."""
    path, found = place(weight, folder), state(weight, folder)
    if found == HERE:
        return path
    ways = {
        MISSING: f"{weight.file} is not in {folder}: run humangen weights fetch {weight.name}, put it there, or name "
        f"the folder that has it in {FOLDER}",
        WRONG: f"{path} is refused, because it is not the recorded file (sha256 {recorded(weight, folder)}): remove "
        f"it, and get the one from {weight.address or weight.source}",
        UNTRUSTED: f"{path} is not used, because nobody has vouched for it: no sha256 of {weight.file} is on record. "
        f"If you know where it comes from, run humangen weights trust {weight.name}",
    }
    raise InputError(ways[found])


def trust(weight: WeightFile, folder: Path) -> str:
    """Records the sha256 of the file that lies in `folder`, and returns it.

    Raises `InputError` where there is none, and where the registry knows its sha256.
    """
    path = place(weight, folder)
    if weight.sha256 is not None:
        raise InputError(
            f"{weight.file} needs no trust: its sha256 is on record, {weight.sha256}, and it alone is used"
        )
    if not path.is_file():
        raise InputError(f"{weight.file} is not in {folder}: get it from {weight.address or weight.source}")
    found = sha256_of(path)
    _record(weight, found, folder)
    return found


def fetch(weight: WeightFile, folder: Path) -> Path:
    """Downloads the file under a temporary name, checks it, and only then gives it its name.

    Raises `InputError` where it cannot be had, where what comes is not the recorded file, and where none is recorded.
    """
    path = place(weight, folder)
    if state(weight, folder) == HERE:
        return path
    if weight.address is None:
        raise InputError(
            f"{weight.file} cannot be fetched by a program: get it from {weight.source}; put it in {folder}"
        )
    expected = recorded(weight, folder)
    if expected is None:
        raise InputError(
            f"no sha256 of {weight.file} is on record: put what you know to be it in {folder}, and run humangen "
            f"weights trust {weight.name}"
        )
    with replacing(path) as temporary:
        found = _download(weight, temporary)
        if found != expected:
            raise InputError(
                f"{weight.address} sent another file than the recorded one: sha256 {found}, not {expected}"
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


def _trusted(folder: Path) -> dict[str, str]:
    path = folder / TRUSTED
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
        return {str(name): str(value) for name, value in content.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}): remove it, and trust its files again") from error


def _record(weight: WeightFile, sha256: str, folder: Path) -> None:
    known = _trusted(folder) | {weight.file: sha256}
    with replacing(folder / TRUSTED) as temporary:
        temporary.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")

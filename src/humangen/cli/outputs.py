"""Files that a command writes: never one that it reads, and known to be possible before the work for them begins."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from humangen.types import InputError

Identity = tuple[int, int]  # of a file on this machine, whatever it is called


def identities(paths: Iterable[Path]) -> set[Identity]:
    """Those of `paths` that are there."""
    found = (path.stat() for path in paths if path.exists())
    return {(each.st_dev, each.st_ino) for each in found}


def check_output(path: Path, read: set[Identity]) -> None:
    """Makes the folder of `path`; raises `InputError` where `path` is one of the files that are `read`, or cannot be
    written."""
    if path.is_dir():
        raise InputError(f"--output {path} is a folder: name a file")
    if identities([path]) & read:
        raise InputError(f"--output {path} is one of the files to read, and would be lost: name another")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"--output {path} cannot be written: {error.strerror or error}") from error

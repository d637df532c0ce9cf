"""Checkpoints as files: written whole or not at all, and never taken for whole when they are not."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from humangen.media import replacing
from humangen.types import InputError

FILES = "[!.]*.ckpt"  # in a run's folder of checkpoints; what begins with a dot is half written


def write(content: dict[str, Any], path: Path) -> None:
    """Puts `content` in the place of what `path` held once all of it is on the disk, whatever ends the process."""
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)  # the new name is on the disk too
        os.close(folder)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path} could not be written: {error}; the checkpoints before it are as they were") from error


def remove_leftovers(folder: Path) -> None:
    """Removes what saves that were killed left behind."""
    for path in folder.glob(".*.ckpt"):
        path.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any]:
    """What a training checkpoint holds, mapped rather than read, without ever unpickling code; raises `InputError`
    where it is incomplete or something else."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # pickle, zip and torch each have their own
        if path.is_file() and not zipfile.is_zipfile(path) and path.open("rb").read(2) in (b"PK", b""):
            raise InputError(f"{path} is incomplete: it breaks off after {path.stat().st_size:,} bytes") from error
        raise InputError(f"{path} is not a checkpoint that can be read: {error}") from error
    if not isinstance(content, dict) or "hyper_parameters" not in content or "state_dict" not in content:
        raise InputError(f"{path} is not a humangen checkpoint: it has no configuration")
    return content


def check(path: Path) -> None:
    """Reads every byte; raises `InputError` where they are not those that were written."""
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise InputError(f"{path} is damaged: the checksum of {damaged} in it is wrong")


def dated(paths: Iterable[Path]) -> list[tuple[float, Path]]:
    """When each was written, the latest last; a training that goes on may remove some meanwhile."""
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            found.append((path.stat().st_mtime, path))
    return sorted(found)


def newest(folder: Path) -> Path:
    """Of a folder's checkpoints that can be read the one of the most steps; says on stderr which cannot be."""
    usable, unusable = [], []
    for time, path in dated(folder.glob(FILES)):
        try:
            usable.append((read(path).get("global_step", 0), time, path))
        except InputError as error:
            if path.exists():
                unusable.append(str(error))
    if not usable:
        raise InputError(f"{folder} holds no checkpoint that can be used: {'; '.join(unusable)}")
    step, _, path = max(usable)
    if unusable:
        print(f"{'; '.join(unusable)}. {path} is taken instead, of step {step}", file=sys.stderr)
    return path

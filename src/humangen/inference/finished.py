"""Pictures in files that say what they were painted with, so that they are not painted twice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from humangen.media import replacing
from humangen.types import InputError

TEXT = "humangen"  # the key of the text in a PNG

Settings = dict[str, Any]  # what json can hold


def write_finished(path: Path, pixels: np.ndarray, settings: Settings) -> None:
    """A PNG of uint8 (H, W, 3) that holds its settings."""
    text = PngInfo()
    text.add_text(TEXT, json.dumps(settings, sort_keys=True))
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, "png", pnginfo=text)


def is_finished(path: Path, settings: Settings) -> bool:
    """Whether the file is there, painted with these settings; raises `InputError` where it is something else."""
    if not path.exists():
        return False
    stored = settings_of(path)
    if stored is None:
        raise InputError(f"{path} is there and was not painted by this command: name another --output, or --overwrite")
    wanted = json.loads(json.dumps(settings))
    other = sorted(name for name in {*stored, *wanted} if stored.get(name) != wanted.get(name))
    if other:
        raise InputError(
            f"{path} is there, painted with another {', '.join(other)}: name another --output, or --overwrite"
        )
    return True


def settings_of(path: Path) -> Settings | None:
    """What a picture was painted with; None where it does not say."""
    try:
        with Image.open(path) as opened:
            opened.load()
            settings = json.loads(opened.info[TEXT])
    except (OSError, SyntaxError, KeyError, TypeError, ValueError):
        return None
    return settings if isinstance(settings, dict) else None


def digest(path: Path) -> str:
    """The sha256 of a file, or of all files in a folder and their names; raises `InputError` where there is none."""
    if not path.exists():
        raise InputError(f"no file at {path}")
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [f"{file.relative_to(path).as_posix()} {digest(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()

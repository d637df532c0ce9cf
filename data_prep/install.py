"""Where a split lives: it appears there whole, or not at all, and in place of nothing but a split."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from upath import UPath

from data_prep.shards import MANIFEST, sha256_of
from humangen.data.index import INDEX
from humangen.types import InputError

ASIDE = (".prepared", ".replaced")  # what the folder of a split ends with just before and just after it is one
BESIDE = (INDEX, MANIFEST)  # what a split holds besides its tars


def install(built: Path, target: UPath) -> None:
    """Puts a built split where it is to live, in place of what is there: at once on this machine, the index last
    elsewhere, without which nothing reads the rest. Raises `InputError` where something else is there."""
    check_ours(target)
    if isinstance(target, Path):
        new, old = (target.with_name(f".{target.name}{ending}") for ending in ASIDE)
        for stale in (new, old):
            shutil.rmtree(stale, ignore_errors=True)
        shutil.move(built, new)  # a copy, where the work is on another disk
        if target.exists():
            target.replace(old)
        new.replace(target)
        shutil.rmtree(old, ignore_errors=True)
        return
    (target / INDEX).unlink(missing_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    for name in [*sorted(path.name for path in built.iterdir() if path.name != INDEX), INDEX]:
        with (built / name).open("rb") as source, (target / name).open("wb") as copy:
            shutil.copyfileobj(source, copy)
    shutil.rmtree(built)


def check_ours(folder: UPath) -> None:
    """Raises `InputError` where a folder of this machine that a split is to replace holds anything but a split."""
    if not isinstance(folder, Path) or not folder.is_dir():
        return
    strange = sorted(path.name for path in folder.iterdir() if not (path.suffix == ".tar" or path.name in BESIDE))
    if strange or (any(folder.iterdir()) and not (folder / INDEX).is_file()):
        what = strange[0] if strange else f"tars without {INDEX}"
        raise InputError(f"{folder} is to hold shards, and holds something else ({what}): name another --output")


def is_sound(folder: UPath) -> bool:
    """Whether the shards of a split are all there, byte for byte; elsewhere their sizes are asked for alone."""
    for shard in json.loads((folder / INDEX).read_text())["shards"]:
        path = folder / shard["name"]
        if not path.is_file() or path.stat().st_size != shard["num_bytes"]:
            return False
        if isinstance(path, Path) and sha256_of(path) != shard["sha256"]:
            return False
    return True


def put_right(folder: Path) -> None:
    """Ends what `install` had begun when it was killed: a split that was put aside comes back where none is."""
    new, old = ASIDE
    for path in folder.glob(f".*{old}"):
        target = path.with_name(path.name[1:].removesuffix(old))
        if not target.exists():
            path.replace(target)
    for path in [path for ending in ASIDE for path in folder.glob(f".*{ending}")]:
        shutil.rmtree(path)

"""Run folders: what one was begun with, and where it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from humangen import checkpoint, checkpoint_files
from humangen.data.module import READING
from humangen.media import replacing
from humangen.types import InputError

BEGUN = "run.json"  # the configuration that a folder's run was begun with
# what may change when a run goes on: where and how it runs and is watched, not what it learns
FREE = {"run_dir", "name", "trainer", "strategy", "callbacks", "logger", "profiler", "protocol", "guidance", "sampler",
        "max_steps", "memory"}  # fmt: skip
FREE_DATA = {*READING, "limit"}
LOCK = ".run.lock"


def going_on(config: dict[str, Any]) -> Path | None:
    """The checkpoint that training goes on from: what `resume` names, or what the run folder itself holds, so that
    the same command goes on where it stopped. None where nothing is there yet.

    Raises `InputError` where the run folder holds another run.
    """
    folder, named = Path(config["run_dir"]), config["resume"]
    elsewhere = named is not None and Path(named).resolve() != folder.resolve()
    if not holds_checkpoints(folder):
        if elsewhere:
            return _of_another_run(named, config["max_steps"])
        if named:
            print(f"{folder} holds no checkpoint yet: training begins")
        return None
    if not (folder / BEGUN).is_file():
        raise InputError(
            f"{folder} holds checkpoints, and no {BEGUN} that says of what run: go on from them in another folder with "
            f"resume={folder}"
        )
    begun, now = json.loads((folder / BEGUN).read_text()), what_it_learns(config)
    if not elsewhere:
        now["resume"] = begun["resume"]
    if changed := [f"{key}: {was} -> {value}" for key, (was, value) in differences(begun, now).items()]:
        raise InputError(
            f"{folder} holds a run that was begun with another configuration ({'; '.join(changed[:3])}"
            f"{f'; and {len(changed) - 3} more' if len(changed) > 3 else ''}): give another hydra.run.dir, with "
            f"resume={folder} to go on from it there"
        )
    found = checkpoint.find_last(folder / "checkpoints")
    print(f"{folder} holds this run: it goes on from step {steps_of(found)} of {config['max_steps']}")
    return found


def _of_another_run(named: str, max_steps: int) -> Path:
    found = checkpoint.find(named)
    if found.is_file() and steps_of(found) >= max_steps:
        raise InputError(f"{found} is at step {steps_of(found)}, and max_steps={max_steps}: nothing is left to train")
    return found


def steps_of(path: Path) -> int:
    return checkpoint_files.read(path)["global_step"]


def holds_checkpoints(folder: Path) -> bool:
    return any((folder / "checkpoints").glob(checkpoint_files.FILES))


def note(config: dict[str, Any]) -> None:
    """Leaves in the folder of a run that begins what `going_on` compares with."""
    folder = Path(config["run_dir"])
    if not holds_checkpoints(folder):
        with replacing(folder / BEGUN) as temporary:
            temporary.write_text(json.dumps(what_it_learns(config), indent=1) + "\n")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keeps other processes from training in a run's folder; raises `InputError` where one does."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"another process trains in {folder}: wait for it, or give another hydra.run.dir") from None
    try:
        yield
    finally:
        lock.release()


def what_it_learns(config: dict[str, Any]) -> dict[str, Any]:
    learned = {name: value for name, value in config.items() if name not in FREE}
    return learned | {"data": {name: value for name, value in config["data"].items() if name not in FREE_DATA}}


def differences(one: Any, other: Any, key: str = "") -> dict[str, tuple[Any, Any]]:
    """The values by dotted key in which two trees of dicts differ."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return {} if one == other else {key: (one, other)}
    found: dict[str, tuple[Any, Any]] = {}
    for name in dict.fromkeys([*one, *other]):
        found |= differences(one.get(name), other.get(name), f"{key}.{name}" if key else name)
    return found

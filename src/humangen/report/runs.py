"""What runs and evaluations left in their folders."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from humangen.types import InputError

Curve = list[tuple[int, float]]  # (step, value)


@dataclass(frozen=True)
class Run:
    """One folder with a result, training curves, or both; `choices` are its command-line overrides."""

    folder: Path
    choices: dict[str, str]
    result: dict[str, Any] | None
    training: dict[str, Any] | None
    curves: dict[str, Curve] = field(default_factory=dict)


def find_runs(paths: Iterable[Path]) -> list[Run]:
    """The runs at or below `paths`, path by path in the order of their names."""
    folders: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            raise InputError(f"no folder {path}")
        files = [file for name in ("result.json", "training.json") for file in path.rglob(name)]
        folders |= dict.fromkeys(sorted({file.parent for file in files}))
    # the demo's own result is a summary of its parts
    parts = [folder for folder in folders if "from_scratch" not in (_json(folder / "result.json") or {})]
    if not parts:
        raise InputError(f"no result.json or training.json below {', '.join(map(str, paths))}: nothing to report")
    return [read_run(folder) for folder in parts]


def read_run(folder: Path) -> Run:
    overrides = folder / ".hydra" / "overrides.yaml"
    choices = {}
    if overrides.is_file():
        pairs = (text.partition("=") for text in yaml.safe_load(overrides.read_text()) or [])
        choices = {key.lstrip("+~"): value for key, _, value in pairs}
    return Run(folder, choices, _json(folder / "result.json"), _json(folder / "training.json"), curves(folder))


def curves(folder: Path) -> dict[str, Curve]:
    """The scalars of a run's TensorBoard events, by tag."""
    if not any(folder.glob("events.out.tfevents.*")):
        return {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 1})
    events.Reload()
    return {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is not readable: {error}") from error

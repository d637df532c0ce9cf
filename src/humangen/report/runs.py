"""What runs and evaluations left in their folders."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from humangen.sweeps import JOB, PLAN, not_begun, unfinished
from humangen.types import InputError

RESULT, TRAINING, SAMPLES = "result.json", "training.json", "samples.json"
NEEDED = ("scores", "protocol", "resolution", "samples", "keys_sha256")  # what a result says of its ruler and numbers
NAMED = 3  # folders that an error names
Curve = list[tuple[int, float]]  # (step, value)


@dataclass(frozen=True)
class Run:
    """One folder with a result, training curves, or both; `choices` are its command-line overrides, `config` what they
    made."""

    folder: Path
    choices: dict[str, str]
    result: dict[str, Any] | None
    training: dict[str, Any] | None
    curves: dict[str, Curve] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def samples(self) -> dict[str, dict[str, float]]:
        """The scores of each sample by its key; nothing where they were not kept."""
        return _json(self.folder / SAMPLES) or {}

    @property
    def scores(self) -> dict[str, float | str]:
        return self.result["scores"] if self.result else {}


@dataclass(frozen=True)
class Found:
    """The runs of some folders, and of those that are not among them, why."""

    runs: Sequence[Run]
    left_out: dict[Path, str]


def find_runs(paths: Iterable[Path]) -> Found:
    """The runs at or below `paths`, path by path in the order of their names."""
    paths = list(paths)
    runs: list[Run] = []
    left_out: dict[Path, str] = {}
    for folder in _folders(paths):
        try:
            run = read_run(folder)
            if why := unfinished(folder):
                left_out[folder] = why
            elif run.result is None and run.training is None:
                left_out[folder] = "no result.json: it failed, was stopped, or is still at work"
            elif run.result and "from_scratch" in run.result:
                continue  # the demo's own result is a summary of its parts
            elif lacking := [name for name in NEEDED if run.result is not None and name not in run.result]:
                left_out[folder] = f"its result.json says nothing of {', '.join(lacking)}: score it again"
            else:
                runs.append(run)
        except (InputError, OSError, yaml.YAMLError) as error:
            left_out[folder] = str(error)
    for sweep in [plan.parent for path in paths for plan in sorted(path.rglob(PLAN))]:
        left_out |= {sweep / job: "it has not begun" for job in not_begun(sweep)}
    if not runs:
        told = "".join(f"; {folder}: {why}" for folder, why in [*left_out.items()][:NAMED])
        told += f"; and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
        raise InputError(f"no result to report below {', '.join(map(str, paths))}{told}")
    return Found(runs, left_out)


def _folders(paths: Iterable[Path]) -> list[Path]:
    """Those with a result, a finished training, or the overrides of a job."""
    folders: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            raise InputError(f"no folder {path}")
        files = [file.parent for name in (RESULT, TRAINING) for file in path.rglob(name)]
        jobs = [file.parent.parent for file in path.rglob(".hydra/overrides.yaml")]
        jobs += [file.parent for file in path.rglob(JOB)]
        folders |= dict.fromkeys(sorted({*files, *jobs}))
    return list(folders)


def read_run(folder: Path) -> Run:
    job = _json(folder / JOB)  # a command that was refused has written .hydra all the same
    overrides = job["overrides"] if job else _yaml(folder / ".hydra" / "overrides.yaml") or []
    pairs = (str(text).partition("=") for text in overrides)
    choices = {key.lstrip("+~"): value for key, _, value in pairs}
    result, training = _json(folder / RESULT), _json(folder / TRAINING)
    found = curves(folder) if result or training else {}
    config = job["config"] if job else _yaml(folder / ".hydra" / "config.yaml") or {}
    return Run(folder, choices, result, training, found, config)


def curves(folder: Path) -> dict[str, Curve]:
    """The scalars of a run's TensorBoard events, by tag."""
    if not any(folder.glob("events.out.tfevents.*")):
        return {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 1})
    events.Reload()
    return {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.is_file() else None


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is not readable: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is not what humangen writes: no names in it")
    return content

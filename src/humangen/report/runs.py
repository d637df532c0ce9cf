"""What runs and evaluations left in their folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from humangen.report.contents import (
    RESULT,
    SAMPLES,
    TRAINING,
    Scores,
    read_names,
    read_result,
    read_samples,
    read_training,
)
from humangen.sweeps import JOB, PLAN, not_begun, unfinished
from humangen.types import InputError

NAMED = 3  # folders that an error names
Curve = list[tuple[int, float]]  # (step, value)


@dataclass(frozen=True)
class Run:
    """One folder with a result, training curves, or both; `choices` are its command-line overrides, `config` what they
    made, `samples` the numbers of each sample by its key, where they were kept."""

    folder: Path
    choices: dict[str, str]
    result: dict[str, Any] | None
    training: dict[str, Any] | None
    curves: dict[str, Curve] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def scores(self) -> Scores:
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
            else:
                runs.append(_with_samples(run, left_out))
        except (InputError, OSError, yaml.YAMLError) as error:
            left_out[folder] = str(error)
    for plan in [plan for path in paths for plan in sorted(path.rglob(PLAN))]:
        try:
            left_out |= {plan.parent / job: "it has not begun" for job in not_begun(plan.parent)}
        except InputError as error:
            left_out[plan] = str(error)
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
    """All but the numbers of its samples. Raises `InputError` where a file is not what we write."""
    job = read_names(folder / JOB)  # a command that was refused has written .hydra all the same
    if job is not None and not {"state", "overrides", "config"} <= job.keys():
        raise InputError(f"{folder / JOB} is not what a sweep writes")
    overrides = job["overrides"] if job else _yaml(folder / ".hydra" / "overrides.yaml", list) or []
    pairs = (str(text).partition("=") for text in overrides)
    choices = {key.lstrip("+~"): value for key, _, value in pairs}
    result, training = read_result(folder / RESULT), read_training(folder / TRAINING)
    found = curves(folder) if result or training else {}
    config = job["config"] if job else _yaml(folder / ".hydra" / "config.yaml", dict) or {}
    return Run(folder, choices, result, training, found, config)


def _with_samples(run: Run, left_out: dict[Path, str]) -> Run:
    """A run of which these cannot be read still has its scores."""
    path = run.folder / SAMPLES
    try:
        return replace(run, samples=read_samples(path))
    except (InputError, OSError) as error:
        left_out[path] = f"{error}; the scores of its run are kept"
        return run


def curves(folder: Path) -> dict[str, Curve]:
    """The scalars of a run's TensorBoard events, by tag."""
    if not any(folder.glob("events.out.tfevents.*")):
        return {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 1})
    events.Reload()
    return {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def _yaml(path: Path, kind: type) -> Any:
    content = yaml.safe_load(path.read_text()) if path.is_file() else None
    if content is not None and not isinstance(content, kind):
        raise InputError(f"{path} is not what Hydra writes")
    return content

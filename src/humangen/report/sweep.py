"""What a set of runs was over, found by itself: the settings in which they differ, and the arms these make."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from humangen.report.runs import Run

FOLDER, CHECKPOINT, STEPS, SEED = "folder", "checkpoint", "training steps", "seed"
# what changes where things lie or how fast they come, and no number
IGNORED = ("hydra.", "output", "painted", "run_dir", "device", "moved", "name", "truth", "weights")
MEASURED = ("sampler", "guidance", "precision", "predictions")  # what a result says of how its samples came to be
PIPELINE = ("denoiser_sha256", "codec_sha256", "image_encoder_sha256", "pipeline")  # what painted them
WHOSE = (CHECKPOINT, "predictions")
PLAIN = "sampler."  # what names of settings are shown without
SNAPSHOT = re.compile(r"(.+?)/checkpoints/.*step=(\d+)[^/]*")


@dataclass(frozen=True)
class Arm:
    """All that differs but the seed, and the runs that share it: one for each seed."""

    name: str
    values: dict[str, str]
    runs: Sequence[Run]

    @property
    def scored(self) -> list[Run]:
        return [run for run in self.runs if run.result]

    @property
    def samples(self) -> int | None:
        """How many its scores are of."""
        return next((run.result["samples"] for run in self.scored if run.result), None)


@dataclass(frozen=True)
class Sweep:
    """`axes` are the settings that differ, with their values in order."""

    axes: dict[str, list[str]]
    arms: Sequence[Arm]
    repeated: dict[Path, str]  # runs that no arm holds, since a newer one is of the same setting


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def settings(run: Run) -> dict[str, str]:
    """What made a run's numbers, as text by name, the seed among it; a result's own word goes before an override."""
    chosen = {name: value for name, value in run.choices.items() if not name.startswith(IGNORED)}
    result = run.result or {}
    known = {name: result[name] for name in (*MEASURED, SEED) if result.get(name) is not None}
    if "predictions" in result:
        chosen.pop(CHECKPOINT, None)
    elif CHECKPOINT in run.config:
        known[CHECKPOINT] = run.config[CHECKPOINT]
    return _split_snapshot(chosen | _flat(known))


def _split_snapshot(values: dict[str, str]) -> dict[str, str]:
    """The checkpoint that a run left at some step is that run, and the step."""
    if match := SNAPSHOT.fullmatch(values.get(CHECKPOINT, "")):
        return values | {CHECKPOINT: match[1], STEPS: str(int(match[2]))}
    return values


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = shown(value)
    return flat


def shown(value: object) -> str:
    """In full, so that no two settings are one; 2.0 is 2."""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def sweep(runs: Sequence[Run]) -> Sweep:
    """The axes and arms of `runs`."""
    known = [settings(run) for run in runs]
    names = axes(known)
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run, values in zip(runs, known, strict=True):
        groups.setdefault((*(values.get(name, "") for name in names), values.get(SEED, "")), []).append(run)
    repeated: dict[Path, str] = {}
    arms: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for group, members in groups.items():
        values = {name: value for name, value in zip(names, group, strict=False) if value}
        for run, folder in _distinct(members, repeated):
            arms.setdefault(tuple((values | folder).items()), []).append(run)
    made = [Arm(_name(dict(values), members), dict(values), members) for values, members in arms.items()]
    found = [*names, *([FOLDER] if any(FOLDER in arm.values for arm in made) else [])]
    ordered = {name: _ordered(arm.values[name] for arm in made if name in arm.values) for name in found}
    return Sweep(ordered, _unique(sorted(made, key=lambda arm: _place(arm, ordered))), repeated)


def axes(known: Sequence[dict[str, str]]) -> list[str]:
    """The names under which settings differ, the seed left out. One that merely some runs have, and that tells none
    apart which the others do not, is none, unless it says whose the samples are."""
    names = sorted({name for values in known for name in values} - {SEED})
    names = [name for name in names if len({values.get(name) for values in known}) > 1]
    for name in [name for name in names if name not in WHOSE and _single(name, known)]:
        others = [other for other in names if other != name]
        if others and len(_parts(known, others)) == len(_parts(known, names)):
            names = others
    return names


def _single(name: str, known: Sequence[dict[str, str]]) -> bool:
    return len({values[name] for values in known if name in values}) == 1


def _parts(known: Sequence[dict[str, str]], names: Sequence[str]) -> set[tuple[str | None, ...]]:
    return {tuple(values.get(name) for name in names) for values in known}


def _distinct(members: Sequence[Run], repeated: dict[Path, str]) -> list[tuple[Run, dict[str, str]]]:
    """Runs of equal settings: the newest of the same pipeline, and where pipelines differ, their folders tell them
    apart."""
    by_pipeline: dict[str, Run] = {}
    for run in members:
        result = run.result or {}
        key = str([result.get(name) for name in PIPELINE] if PIPELINE[0] in result else run.folder)
        other = by_pipeline.get(key)
        older, newer = sorted((other, run), key=_written) if other else (None, run)
        if older:
            repeated[older.folder] = f"{newer.folder} is of the same setting and newer"
        by_pipeline[key] = newer
    kept = list(by_pipeline.values())
    if len(kept) == 1:
        return [(kept[0], {})]
    common = os.path.commonpath([run.folder.resolve() for run in kept])
    return [(run, {FOLDER: str(run.folder.resolve().relative_to(common))}) for run in kept]


def _written(run: Run) -> float:
    path = run.folder / "result.json"
    return path.stat().st_mtime if path.is_file() else 0.0


def _name(values: dict[str, str], runs: Sequence[Run]) -> str:
    return named(values) or (runs[0].folder.name if len(runs) == 1 else runs[0].folder.parent.name)


def named(values: dict[str, str]) -> str:
    """Settings in words."""
    return ", ".join(
        value if name == FOLDER else f"{name.removeprefix(PLAIN)}={value}" for name, value in values.items()
    )


def _unique(arms: Sequence[Arm]) -> list[Arm]:
    """With folders behind names that would be equal otherwise."""
    names = [arm.name for arm in arms]
    return [arm if names.count(arm.name) == 1 else replace(arm, name=str(arm.runs[0].folder)) for arm in arms]


def _ordered(values: Iterable[str]) -> list[str]:
    """Numbers by size, words as they come."""
    distinct = list(dict.fromkeys(values))
    if any(number(value) is None for value in distinct):
        return distinct
    return sorted(distinct, key=float)


def _place(arm: Arm, axes: dict[str, list[str]]) -> list[int]:
    return [values.index(arm.values[name]) if name in arm.values else -1 for name, values in axes.items()]

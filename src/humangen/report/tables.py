"""The table of a set of runs: one row per arm, means and spreads over seeds, floors and ceilings below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, stdev

import pandas as pd

from humangen.report.runs import Run
from humangen.types import InputError

FINE = ("ssim", "l1", "lpips", "dtssd", "clip_i", "dino", "arcface", "kid")  # numbers below one
SPEEDS = {"samples/s": "speed/samples_per_second", "step s": "speed/step_seconds"}


def axes(runs: Sequence[Run]) -> list[str]:
    """The overrides in which runs differ, seeds left out: what the sweep was over."""
    names = sorted({name for run in runs for name in run.choices} - {"seed"})
    return [name for name in names if len({run.choices.get(name) for run in runs}) > 1]


def arms(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs by arm, an arm being all that differs but the seed; single runs are named by their folder."""
    names = axes(runs)
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        values = [f"{name}={run.choices[name]}" for name in names if name in run.choices]
        grouped.setdefault(", ".join(values) or run.folder.name, []).append(run)
    return grouped


def comparable(runs: Sequence[Run]) -> None:
    """Raises `InputError` where results were measured by different rulers."""
    rulers = {
        tuple(str(run.result[key]) for key in ("protocol", "resolution", "samples", "keys_sha256")): run
        for run in runs
        if run.result
    }
    if len(rulers) > 1:
        folders = ", ".join(str(run.folder) for run in rulers.values())
        raise InputError(f"these results differ in protocol, resolution or samples, and do not compare: {folders}")


def spread(values: Sequence[float], digits: int) -> str:
    """Mean, and the standard deviation behind ± where there are several."""
    if not values:
        return ""
    text = f"{mean(values):.{digits}f}"
    return text if len(set(values)) == 1 else f"{text} ± {stdev(values):.{digits}f}"


def table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per arm with the number of runs, scores and speeds, then one row per floor and ceiling."""
    comparable(runs)
    rows = {}
    for name, members in arms(runs).items():
        results = [run.result for run in members if run.result]
        row = {"runs": str(len(members))} | _scores([result["scores"] for result in results])
        for column, tag in SPEEDS.items():
            values = [median(value for _, value in run.curves[tag]) for run in members if tag in run.curves]
            row[column] = spread(values, 2)
        rows[name] = row
    frame = pd.DataFrame.from_dict(rows | _bounds(runs), orient="index").fillna("")
    return frame.loc[:, (frame != "").any()]


def _bounds(runs: Sequence[Run]) -> dict[str, dict[str, str]]:
    """A row per floor and ceiling: one where all runs share it, else one per arm, since it is of that arm's weights."""
    rows = {}
    results = {name: [run.result for run in members if run.result] for name, members in arms(runs).items()}
    everything = [result for members in results.values() for result in members]
    for kind in ("variants", "floors", "ceilings"):
        for bound in everything[0].get(kind, {}) if everything else ():
            label = f"{kind[:-1]}: {bound.replace('_', ' ')}"
            groups = {f"{label}, {name}": members for name, members in results.items() if members}
            if all(result[kind][bound] == everything[0][kind][bound] for result in everything):
                groups = {label: everything}
            for name, members in groups.items():
                rows[name] = {"runs": str(len(members))} | _scores([each[kind][bound] for each in members])
    return rows


def _cell(values: Sequence[float | str], digits: int) -> str:
    """Numbers as `spread` shows them; what a metric lacks that could not run, as it stands."""
    words = [value for value in values if isinstance(value, str)]
    return words[0] if words else spread([float(value) for value in values], digits)


def _scores(results: Sequence[dict]) -> dict[str, str]:
    return {
        name: _cell([scores[name] for scores in results if name in scores], 4 if name.startswith(FINE) else 2)
        for name in dict.fromkeys(name for scores in results for name in scores)
    }


def markdown(frame: pd.DataFrame) -> str:
    lines = [["", *frame.columns], ["---"] * (len(frame.columns) + 1)]
    lines += [[name, *row] for name, row in zip(frame.index, frame.to_numpy(), strict=True)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def write_tables(frame: pd.DataFrame, folder: Path) -> None:
    (folder / "table.md").write_text(markdown(frame))
    frame.to_csv(folder / "table.csv")
    frame.to_latex(folder / "table.tex", escape=True)

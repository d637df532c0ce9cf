"""Training curves and score bars as pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from humangen.report.columns import Column
from humangen.report.sweep import Arm
from humangen.report.tables import Cell, Row

CURVES = {
    "val/psnr": "PSNR of validation samples (dB)",
    "val/loss": "validation loss",
    "seen/psnr": "PSNR of training samples (dB)",
    "train/loss": "training loss",
}
COLOURS = {"arm": "#4878a8", "variant": "#7aa6cf", "floor": "#b8b8b8", "ceiling": "#8a8a8a"}
LEGEND = 12  # lines that a legend names
MOST_BARS, NAME = 30, 40


def draw_curves(arms: Sequence[Arm]) -> dict[str, bytes]:
    """A PNG per curve that at least one run has, one line per arm: the mean over seeds, in a band of their range."""
    return {
        title: _draw(tag, title, arms)
        for tag, title in CURVES.items()
        if any(len(run.curves.get(tag, ())) > 1 for arm in arms for run in arm.runs)
    }


def _draw(tag: str, title: str, arms: Sequence[Arm]) -> bytes:
    figure, plot = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for arm in arms:
        series = [pd.Series(dict(run.curves[tag])) for run in arm.runs if tag in run.curves]
        if not series:
            continue
        lines = pd.concat(series, axis=1).interpolate()
        if len(lines) > 100:
            lines = lines.rolling(len(lines) // 50, min_periods=1).mean()
        (line,) = plot.plot(lines.index, lines.mean(axis=1), label=short(arm.name))
        plot.fill_between(lines.index, lines.min(axis=1), lines.max(axis=1), alpha=0.2, color=line.get_color())
    plot.set(xlabel="step", title=title)
    finish(plot)
    return png(figure)


def draw_scores(rows: Sequence[Row], column: Column) -> bytes:
    """A horizontal bar per row that has a number, with its interval or its spread over seeds."""
    rows = [row for row in rows if row.cells.get(column.name, Cell()).values][:MOST_BARS]
    cells = [row.cells[column.name] for row in rows]
    figure, plot = plt.subplots(figsize=(6, 0.6 + 0.34 * len(rows)), layout="constrained")
    places, values = np.arange(len(rows)), [cell.mean for cell in cells]
    spans = [np.abs(np.subtract(ends(cell), cell.mean)) for cell in cells]
    bars = plot.barh(places, values, color=[COLOURS[row.kind] for row in rows], xerr=np.transpose(spans), ecolor="#333")
    plot.bar_label(bars, [column.shown(value) for value in values], padding=3)
    plot.set_yticks(places, [short(row.name) for row in rows])
    plot.invert_yaxis()
    plot.margins(x=0.15)
    plot.set_title(column.title)
    plot.spines[["top", "right"]].set_visible(False)
    return png(figure)


def ends(cell: Cell) -> tuple[float, float]:
    """The band around a number: its spread over runs, the interval of a single run, or nothing."""
    if cell.spread is not None:
        return cell.mean - cell.spread, cell.mean + cell.spread
    return cell.interval or (cell.mean, cell.mean)


def short(name: str) -> str:
    """The end of a name, which tells arms apart, as long as a plot has room for."""
    return name if len(name) <= NAME else f"…{name[1 - NAME :]}"


def finish(plot: plt.Axes) -> None:
    plot.grid(alpha=0.3)
    plot.spines[["top", "right"]].set_visible(False)
    handles, _ = plot.get_legend_handles_labels()
    if 0 < len(handles) <= LEGEND:
        plot.legend(frameon=False, fontsize="small")


def png(figure: plt.Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    plt.close(figure)
    return buffer.getvalue()

"""Training curves as pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from humangen.report.runs import Run
from humangen.report.tables import arms

CURVES = {
    "val/psnr": "PSNR of validation samples (dB)",
    "val/loss": "validation loss",
    "train/loss": "training loss",
}


def draw_curves(runs: Sequence[Run]) -> dict[str, bytes]:
    """A PNG per curve that at least one run has, one line per arm: the mean over seeds, in a band of their range."""
    return {
        title: _draw(tag, title, runs)
        for tag, title in CURVES.items()
        if any(len(run.curves.get(tag, ())) > 1 for run in runs)
    }


def _draw(tag: str, title: str, runs: Sequence[Run]) -> bytes:
    figure, plot = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for name, members in arms(runs).items():
        series = [pd.Series(dict(run.curves[tag])) for run in members if tag in run.curves]
        if not series:
            continue
        lines = pd.concat(series, axis=1).interpolate()
        if len(lines) > 100:
            lines = lines.rolling(len(lines) // 50, min_periods=1).mean()
        (line,) = plot.plot(lines.index, lines.mean(axis=1), label=name)
        plot.fill_between(lines.index, lines.min(axis=1), lines.max(axis=1), alpha=0.2, color=line.get_color())
    plot.set(xlabel="step", title=title)
    plot.grid(alpha=0.3)
    plot.legend(frameon=False, fontsize="small")
    return _png(figure)


def draw_scores(labels: Sequence[str], values: Sequence[float], title: str) -> bytes:
    """A horizontal bar per label."""
    figure, plot = plt.subplots(figsize=(6, 0.5 + 0.38 * len(labels)), layout="constrained")
    bars = plot.barh(np.arange(len(labels)), values, color="#4878a8")
    plot.bar_label(bars, fmt="%.2f", padding=3)
    plot.set_yticks(np.arange(len(labels)), labels)
    plot.invert_yaxis()
    plot.margins(x=0.15)
    plot.set_title(title)
    plot.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def _png(figure: plt.Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    plt.close(figure)
    return buffer.getvalue()

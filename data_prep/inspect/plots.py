"""How lengths, sizes and confidences are spread, split beside split."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_prep.inspect.folder import Line, Split

COLOURS = ("#4878a8", "#e49444", "#6a9f58", "#a87c9f", "#85b6b2")  # of the splits, in their order
GAP = 4  # pixels between labels
FEW, BINS = 8, 24  # up to so many different values are shown as they are, more in bins

QUANTITIES: dict[str, Callable[[Line], Any]] = {
    "length (seconds)": lambda line: round(line["frames"] / line["fps"], 2),
    "frames a second": lambda line: round(line["fps"], 2),
    "size (height x width)": lambda line: f"{line['height']}x{line['width']}",
    "mean confidence of the body": lambda line: round(line["confidence"], 4),
    "frames that show nobody (%)": lambda line: round(100 * line["frames_without_person"] / line["frames"], 1),
    "frames that show several people (%)": lambda line: round(100 * line["frames_with_several"] / line["frames"], 1),
    "region (% of the picture)": lambda line: round(100 * line["region_area"], 1),
    "garment": lambda line: line["category"],
}


def values(splits: list[Split], title: str) -> dict[str, list[Any]]:
    """One of the quantities of all samples that have it, by split."""
    return {split.name: list(_known(split.lines, QUANTITIES[title])) for split in splits}


def _known(lines: list[Line], of: Callable[[Line], Any]) -> Iterator[Any]:
    for line in lines:
        with suppress(KeyError):  # lines of pairs have no frames, those of clips no region
            yield of(line)


def text(value: Any) -> str:
    """A value for people."""
    return value if isinstance(value, str) else f"{value:.4g}"


def histogram(title: str, values: dict[str, list[Any]]) -> bytes:
    """An SVG of the values of each split."""
    salt = "inspect"  # names in an SVG are random otherwise, and the same folder would give another page
    with matplotlib.rc_context({"svg.hashsalt": salt, "font.size": 9, "axes.titlesize": 10}):
        buffer = io.BytesIO()
        drawn(title, values).savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()


def drawn(title: str, values: dict[str, list[Any]]) -> Figure:
    """The values of each split; labels of bars that would touch are turned."""
    figure = Figure(figsize=(3.6, 2.4), layout="constrained")
    plot = figure.subplots()
    pooled = [value for each in values.values() for value in each]
    if isinstance(pooled[0], str) or len(set(pooled)) <= FEW:
        _bars(plot, values, Counter(pooled))
    else:
        _bins(plot, values, pooled)
    plot.set(title=title, ylabel="% of the split")
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(axis="y", alpha=0.3)
    plot.set_axisbelow(True)
    figure.draw_without_rendering()  # only then it is known where the labels lie
    if _touching(plot):
        plot.set_xticks(
            plot.get_xticks(),
            [label.get_text() for label in plot.get_xticklabels()],
            rotation=30, ha="right", rotation_mode="anchor",
        )  # fmt: skip
    return figure


def _bars(plot: Axes, values: dict[str, list[Any]], counts: Counter[Any]) -> None:
    """A bar for each of the most frequent values, in their order."""
    shown = sorted(value for value, _ in counts.most_common(FEW))
    names = [text(value) for value in shown]
    if len(counts) > FEW:
        names.append("others")
    width = 0.8 / len(values)
    for number, each in enumerate(values.values()):
        found = Counter(each)
        heights = [found[value] for value in shown]
        heights += [len(each) - sum(heights)] * (len(names) - len(shown))
        places = np.arange(len(names)) + (number - (len(values) - 1) / 2) * width
        shares = 100 * np.array(heights) / max(len(each), 1)
        plot.bar(places, shares, width, color=COLOURS[number % len(COLOURS)])
    plot.set_xticks(np.arange(len(names)), names)
    plot.set_xlim(-1, len(names))


def _touching(plot: Axes) -> bool:
    """Whether labels of the axis below touch, as they are drawn."""
    boxes = [label.get_window_extent() for label in plot.get_xticklabels()]
    return any(one.x1 + GAP > other.x0 for one, other in itertools.pairwise(boxes))


def _bins(plot: Axes, values: dict[str, list[Any]], pooled: list[Any]) -> None:
    edges = np.histogram_bin_edges(pooled, BINS)
    for number, each in enumerate(values.values()):
        colour = COLOURS[number % len(COLOURS)]
        heights = 100 * np.histogram(each, edges)[0] / max(len(each), 1)
        plot.stairs(heights, edges, fill=True, alpha=0.3, color=colour)
        plot.stairs(heights, edges, color=colour)

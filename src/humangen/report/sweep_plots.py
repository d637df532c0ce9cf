"""A metric along the axes of a sweep, and against what it costs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean

import matplotlib.pyplot as plt

from humangen.report.columns import Column
from humangen.report.devices import device
from humangen.report.plots import ends, finish, png, short
from humangen.report.sweep import Arm, Sweep, named, number, shown
from humangen.report.tables import Cell

ANNOTATED = 14  # points that carry their names
TICKS = 8  # places on an axis up to which each has its tick
FRONTS = ("#c44e52", "#4878a8", "#55a868", "#8172b3")  # colours of devices
WIDE = 10  # ratio of largest to smallest from which an axis is logarithmic


def draw_axes(sweep: Sweep, column: Column, cells: dict[str, Cell]) -> dict[str, bytes]:
    """A PNG for each axis of numbers, by its title: a line per setting of all other axes. `cells` are by arm."""
    pictures = {}
    for axis, values in sweep.axes.items():
        if sum(number(value) is not None for value in values) > 1:
            lines = lines_along(axis, sweep.arms, cells)
            if any(len(points) > 1 for points in lines.values()):
                pictures[f"{column.name} against {axis}"] = _draw_lines(axis, column, lines)
    return pictures


def lines_along(axis: str, arms: Sequence[Arm], cells: dict[str, Cell]) -> dict[str, list[tuple[float, Cell]]]:
    """Places on an axis and what was scored there, in order, by the name of all else."""
    lines: dict[str, list[tuple[float, Cell]]] = {}
    for arm in arms:
        place = number(arm.values.get(axis, ""))
        if place is not None and cells.get(arm.name, Cell()).values:
            rest = named({name: value for name, value in arm.values.items() if name != axis})
            lines.setdefault(rest, []).append((place, cells[arm.name]))
    return {name: sorted(points, key=lambda point: point[0]) for name, points in lines.items()}


def _draw_lines(axis: str, column: Column, lines: dict[str, list[tuple[float, Cell]]]) -> bytes:
    figure, plot = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for name, points in lines.items():
        at = [place for place, _ in points]
        (line,) = plot.plot(at, [cell.mean for _, cell in points], marker="o", label=short(name) or None)
        low, high = zip(*(ends(cell) for _, cell in points), strict=True)
        plot.fill_between(at, low, high, alpha=0.15, color=line.get_color())
    plot.set(xlabel=axis, title=f"{column.title} against {axis}")
    places = sorted({place for points in lines.values() for place, _ in points})
    _spread_out(plot, places)
    if len(places) <= TICKS:
        plot.set_xticks(places, [shown(place) for place in places])
        plot.minorticks_off()
    finish(plot)
    return png(figure)


@dataclass(frozen=True)
class Point:
    """What an arm costs on a device, and how good it is."""

    name: str
    cost: float
    cell: Cell
    device: str = ""


def front(points: Sequence[Point], column: Column) -> list[Point]:
    """The Pareto front, cheapest first: those that no other equals at less cost or beats at the same."""
    chosen: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.cell.mean * column.better)):
        if not chosen or column.beats(point.cell.mean, chosen[-1].cell.mean):
            chosen.append(point)
    return chosen


def fronts(points: Sequence[Point], column: Column) -> dict[str, list[Point]]:
    """The front of each device, by its name."""
    names = dict.fromkeys(point.device for point in points)
    return {name: front([point for point in points if point.device == name], column) for name in names}


def costs(arms: Sequence[Arm], cells: dict[str, Cell], cost: Callable[[Arm], Sequence[float]]) -> list[Point]:
    """A point for each arm that has a score and a cost."""
    known = [(arm, cost(arm), cells.get(arm.name, Cell())) for arm in arms]
    return [Point(arm.name, mean(spent), cell, device(arm)) for arm, spent, cell in known if spent and cell.values]


def seconds_to_paint(arm: Arm) -> list[float]:
    found = [(run.result or {}).get("seconds_per_sample") for run in arm.scored]
    return [float(value) for value in found if value]


def seconds_to_train(arm: Arm) -> list[float]:
    found = [(run.training or {}).get("seconds") for run in arm.scored]
    return [float(value) for value in found if value]


COSTS = {"seconds a sample": seconds_to_paint, "seconds of training": seconds_to_train}


def draw_costs(arms: Sequence[Arm], column: Column, cells: dict[str, Cell]) -> dict[str, bytes]:
    """A PNG for each cost of at least two arms, by its title, with the Pareto front of each device marked."""
    pictures = {}
    for label, cost in COSTS.items():
        points = costs(arms, cells, cost)
        if len(points) > 1:
            best = fronts(points, column)
            title = f"{column.name} against {label} on {', and on '.join(best)}"
            pictures[title] = _draw_fronts(label, column, points, best)
    return pictures


def _draw_fronts(label: str, column: Column, points: Sequence[Point], best: dict[str, list[Point]]) -> bytes:
    figure, plot = plt.subplots(figsize=(6, 3.6), layout="constrained")
    colours = dict(zip(best, itertools.cycle(FRONTS), strict=False))
    for name, chosen in best.items():
        places = [point.cost for point in chosen], [point.cell.mean for point in chosen]
        plot.step(*places, where="post", marker=".", color=colours[name], label=f"Pareto front, {name}")
    leading = [point for chosen in best.values() for point in chosen]
    for point in points:
        low, high = ends(point.cell)
        errors = [[point.cell.mean - low], [high - point.cell.mean]]
        colour = colours[point.device]
        face = colour if point in leading else "white"
        place = point.cost, point.cell.mean
        plot.errorbar(*place, errors, fmt="o", color=colour, markerfacecolor=face, elinewidth=0.8, alpha=0.9)
    for point in points if len(points) <= ANNOTATED else leading:
        place = point.cost, point.cell.mean
        plot.annotate(short(point.name), place, (5, 5), textcoords="offset points", fontsize="x-small", color="#444")
    plot.margins(x=0.25)
    plot.set(xlabel=label, title=f"{column.title} against {label}")
    _spread_out(plot, [point.cost for point in points])
    finish(plot)
    return png(figure)


def _spread_out(plot: plt.Axes, places: Sequence[float]) -> None:
    if min(places) > 0 and max(places) >= WIDE * min(places):
        plot.set_xscale("log")

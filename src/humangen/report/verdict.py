"""Which setting is best, how sure that is, and by how much it leads the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from humangen.metrics.samples import FRAMES, interval
from humangen.report.columns import Column, leading
from humangen.report.runs import Run
from humangen.report.sweep import Arm
from humangen.report.tables import ARM, Cell, Row, Table

SEED = 0


def main_column(arms: Sequence[Arm]) -> Column | None:
    """The first of the protocol's metrics that can say which setting is best, and has a number."""
    results = [run.result for arm in arms for run in arm.scored if run.result]
    if not results:
        return None
    named = [str(name) for name in results[0]["protocol"].get("metrics") or []]
    numbers = [name for result in results for name, value in result["scores"].items() if isinstance(value, float | int)]
    return leading(dict.fromkeys([*named, *numbers]), numbers)


@dataclass(frozen=True)
class Ranking:
    """The rows of arms by one column, the best first."""

    column: Column
    rows: Sequence[Row]

    @classmethod
    def of(cls, table: Table, column: Column) -> Ranking:
        rows = [row for row in table.rows if row.kind == ARM and row.cells.get(column.name, Cell()).values]
        return cls(column, sorted(rows, key=lambda row: -column.better * row.cells[column.name].mean))

    def cell(self, place: int) -> Cell:
        return self.rows[place].cells[self.column.name]

    def ends(self) -> tuple[float, float] | None:
        """The interval of the best, which over several seeds is its spread."""
        best = self.cell(0)
        return best.interval if best.spread is None else (best.mean - best.spread, best.mean + best.spread)


def sentences(ranking: Ranking, arms: Sequence[Arm]) -> list[str]:
    """The best setting with its interval, whether the next lies inside, and their difference sample by sample."""
    if len(ranking.rows) < 2:
        return []
    column, ends = ranking.column, ranking.ends()
    said = [_best(ranking)]
    second = f"The next best, {ranking.rows[1].name} with {column.shown(ranking.cell(1).mean)},"
    if ends is None:
        said.append(f"{second} cannot be told from it by an interval, since there is none.")
    elif ends[0] <= ranking.cell(1).mean <= ends[1]:
        said.append(f"{second} lies inside that interval.")
    else:
        said.append(f"{second} lies outside that interval.")
    by_name = {arm.name: arm.scored for arm in arms}
    pair = [by_name[row.name] for row in ranking.rows[:2]]
    if all(len(runs) == 1 for runs in pair):
        said += _paired(pair[0][0], pair[1][0], column)
    return said


def _best(ranking: Ranking) -> str:
    column, cell, ends = ranking.column, ranking.cell(0), ranking.ends()
    told = f"Best by {column.name}: {ranking.rows[0].name}, with {column.shown(cell.mean)}"
    if not ends:
        return f"{told}."
    of = "95 % interval" if cell.spread is None else f"one standard deviation over {len(cell.values)} runs"
    return f"{told} ({of} {column.shown(ends[0])} to {column.shown(ends[1])})."


def _paired(best: Run, second: Run, column: Column) -> list[str]:
    """Both painted the same samples, so their difference is surer than either number."""
    ours, theirs = (
        {key: scores[column.name] for key, scores in run.samples.items() if column.name in scores}
        for run in (best, second)
    )
    if set(ours) != set(theirs) or len(ours) < 2:
        return []
    keys = sorted(ours)
    differences = [(ours[key] - theirs[key]) * column.better for key in keys]
    weights, words = _weights(best, keys)
    average = sum(each * weight for each, weight in zip(differences, weights, strict=True)) / sum(weights)
    low, high = interval(differences, seed=SEED, weights=weights)
    won = sum(difference > 0 for difference in differences)
    return [
        f"On the same samples{words} the best wins {won} of {len(ours)}, by {column.shown(average)} on average "
        f"(95 % interval {column.shown(low)} to {column.shown(high)}): {_told(low, high)}."
    ]


def _weights(run: Run, keys: Sequence[str]) -> tuple[list[float], str]:
    """Of the samples `keys`, and in words: a score is a mean over frames, so a clip counts by those it has."""
    frames = [run.samples[key].get(FRAMES, 0) for key in keys]
    if not all(frames):
        pictures = (run.result or {}).get("frames_per_clip") == 1
        return [1.0] * len(keys), "" if pictures else ", whose lengths were not kept and which count alike here,"
    return frames, "" if len(set(frames)) == 1 else ", weighted by their frames,"


def _told(low: float, high: float) -> str:
    if high < 0:
        return "sample by sample the order is the other one"
    return "the two cannot be told apart" if low <= 0 else "the difference is no chance of which samples these are"

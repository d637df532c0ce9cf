"""The table of a sweep: one row per arm, means and spreads over seeds, variants, floors and ceilings below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean, median, stdev
from types import MappingProxyType

from humangen.report.columns import RATE, SECONDS, STEP_SECONDS, Column
from humangen.report.devices import by_device
from humangen.report.runs import Run
from humangen.report.sweep import Arm, named

ARM, INTERVAL = "arm", "interval"
BOUNDS = {"variants": "variant", "floors": "floor", "ceilings": "ceiling"}
TIMES = (SECONDS, STEP_SECONDS, RATE)
SPEEDS = {RATE: "speed/samples_per_second", STEP_SECONDS: "speed/step_seconds"}
MANY = 6  # rows of one floor or ceiling; those of more arms are put together


@dataclass(frozen=True)
class Cell:
    """A number for each run, or the `text` of a metric that could not run; `interval` is that of a single run."""

    values: tuple[float, ...] = ()
    text: str = ""
    interval: tuple[float, float] | None = None

    @property
    def mean(self) -> float:
        return mean(self.values)

    @property
    def spread(self) -> float | None:
        """Standard deviation over runs; none of a single one, or where all are the same."""
        return stdev(self.values) if len(set(self.values)) > 1 else None

    def shown(self, column: Column) -> str:
        if not self.values:
            return self.text
        value = column.shown(self.mean)
        return value if self.spread is None else f"{value} ± {column.shown_beside(self.spread, self.mean)}"


@dataclass(frozen=True)
class Row:
    name: str
    kind: str
    runs: int
    samples: int | None  # that its scores are of
    cells: dict[str, Cell]
    best: frozenset[str] = frozenset()  # the columns it is the best arm of


@dataclass(frozen=True)
class Line:
    """A row as it is shown: `texts` in the order of the table's columns, and which of them are best."""

    name: str
    kind: str
    texts: Sequence[str]
    best: Sequence[bool]


@dataclass(frozen=True)
class Table:
    columns: Sequence[Column]
    rows: Sequence[Row]

    @property
    def counted(self) -> bool:
        """Whether the number of runs is worth a column."""
        return any(row.runs > 1 for row in self.rows if row.kind == ARM)

    @property
    def titles(self) -> list[str]:
        return [*(["runs"] if self.counted else []), *(column.title for column in self.columns)]

    def lines(self) -> Iterator[Line]:
        for row in self.rows:
            texts = [row.cells.get(column.name, Cell()).shown(column) for column in self.columns]
            best = [column.name in row.best for column in self.columns]
            count = [str(row.runs)] if self.counted else []
            yield Line(row.name, row.kind, [*count, *texts], [False] * len(count) + best)
            intervals = [_interval(row.cells.get(column.name, Cell()), column) for column in self.columns]
            if any(intervals):
                yield Line("95 % interval", INTERVAL, [""] * len(count) + intervals, [False] * (len(count) + len(best)))


def _interval(cell: Cell, column: Column) -> str:
    return " to ".join(map(column.shown, cell.interval)) if cell.interval else ""


def table(arms: Sequence[Arm]) -> Table:
    """A row per arm with scores and speeds, then those of what is beside it."""
    rows = [Row(arm.name, ARM, len(arm.runs), arm.samples, _cells(arm)) for arm in arms]
    names = dict.fromkeys(name for row in rows for name in row.cells)
    columns = [Column.of(name) for name in names]
    ranked = [column for column in columns if column.name not in TIMES or len(by_device(arms)) < 2]
    return Table(columns, [*_marked(rows, ranked), *_bounds(arms)])


def _cells(arm: Arm) -> dict[str, Cell]:
    intervals = (arm.scored[0].result or {}).get("intervals") if arm.scored else None
    return cells_of([run.scores for run in arm.scored], intervals or {}) | _speeds(arm.runs)


Ends = Mapping[str, Sequence[float]]


def cells_of(scores: Sequence[dict[str, float | str]], intervals: Ends = MappingProxyType({})) -> dict[str, Cell]:
    """A cell for each name in the scores of several runs; `intervals` by name are those of a single one."""
    cells: dict[str, Cell] = {}
    for name in dict.fromkeys(name for each in scores for name in each):
        found = [each[name] for each in scores if name in each]
        words = [value for value in found if isinstance(value, str)]
        cells[name] = Cell(text=words[0]) if words else Cell(tuple(float(value) for value in found))
    if len(scores) > 1:
        return cells
    return {name: _with_interval(cell, intervals.get(name)) for name, cell in cells.items()}


def _with_interval(cell: Cell, interval: Sequence[float] | None) -> Cell:
    """An interval that does not hold the number is of something else: of a mean, where the number is the largest."""
    if not interval or not cell.values or not interval[0] <= cell.mean <= interval[1]:
        return cell
    return replace(cell, interval=(interval[0], interval[1]))


def _speeds(runs: Sequence[Run]) -> dict[str, Cell]:
    seconds = tuple(value for run in runs if (value := (run.result or {}).get("seconds_per_sample")) is not None)
    speeds = {SECONDS: seconds} | {
        name: tuple(median(value for _, value in run.curves[tag]) for run in runs if run.curves.get(tag))
        for name, tag in SPEEDS.items()
    }
    return {name: Cell(values) for name, values in speeds.items() if values}


def _marked(rows: Sequence[Row], columns: Sequence[Column]) -> list[Row]:
    """Rows that know in which columns they are the best of several."""
    best: dict[str, float] = {}
    for column in columns:
        values = [row.cells[column.name].mean for row in rows if row.cells.get(column.name, Cell()).values]
        if column.better and len(set(values)) > 1:
            best[column.name] = column.best(values)
    return [replace(row, best=frozenset(_where(row, best))) for row in rows]


def _where(row: Row, best: dict[str, float]) -> Iterable[str]:
    return (name for name, cell in row.cells.items() if name in best and cell.values and cell.mean == best[name])


def _bounds(arms: Sequence[Arm]) -> list[Row]:
    """A row per variant, floor and ceiling for each set of arms that shares it: many are of some arm's weights."""
    rows = []
    for field, kind in BOUNDS.items():
        known = [(run.result or {}).get(field) or {} for arm in arms for run in arm.scored]
        for bound in dict.fromkeys(name for results in known for name in results):
            rows += _bound_rows(bound, kind, _shared(arms, field, bound), arms)
    return rows


Group = tuple[list[Arm], list[dict[str, float | str]]]


def _shared(arms: Sequence[Arm], field: str, bound: str) -> list[Group]:
    """The arms that have the same scores there, and these scores, one for each run."""
    groups: dict[str, Group] = {}
    for arm in arms:
        results = [run.result[field][bound] for run in arm.scored if run.result and bound in run.result.get(field, {})]
        if results:
            same = results[:1] if all(each == results[0] for each in results) else results
            groups.setdefault(str(same), ([], same))[0].append(arm)
    return list(groups.values())


def _bound_rows(bound: str, kind: str, groups: Sequence[Group], arms: Sequence[Arm]) -> list[Row]:
    label = f"{kind}: {bound.replace('_', ' ')}"
    if len(groups) == 1:
        members, scores = groups[0]
        return [_bound_row(label, kind, members, _bound_cells(bound, members, scores))]
    if len(groups) > MANY and kind != BOUNDS["variants"]:
        everything = [each for _, scores in groups for each in scores]
        everyone = [arm for members, _ in groups for arm in members]
        return [_bound_row(f"{label}, of {len(groups)} arms", kind, everyone, cells_of(everything))]
    return [
        _bound_row(f"{label}, {_whose(held, arms)}", kind, held, _bound_cells(bound, held, scores))
        for held, scores in groups
    ]


def _bound_row(name: str, kind: str, held: Sequence[Arm], cells: dict[str, Cell]) -> Row:
    return Row(name, kind, sum(len(arm.scored) for arm in held), held[0].samples, cells)


def _bound_cells(bound: str, held: Sequence[Arm], scores: Sequence[dict[str, float | str]]) -> dict[str, Cell]:
    """With the intervals that the first of the arms says; none where a result has none."""
    intervals = ((run.result or {}).get("intervals_beside", {}).get(bound) for arm in held for run in arm.scored)
    return cells_of(scores, next((ends for ends in intervals if ends), {}))


def _whose(held: Sequence[Arm], arms: Sequence[Arm]) -> str:
    """What these arms have in common and no other has; else their names."""
    common = dict(set.intersection(*(set(arm.values.items()) for arm in held)))
    fitting = [arm for arm in arms if common.items() <= arm.values.items()]
    if common and len(fitting) == len(held):
        return named({name: value for name, value in held[0].values.items() if name in common})
    return " and ".join(arm.name for arm in held)

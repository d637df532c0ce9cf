"""All that a report says of some runs, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from humangen.report.columns import Column, leading
from humangen.report.devices import device_notes
from humangen.report.networks import Network, check_networks, networks
from humangen.report.rulers import comparable
from humangen.report.runs import Found
from humangen.report.sweep import Arm, Sweep, sweep
from humangen.report.tables import Cell, Table, table
from humangen.report.verdict import Ranking, main_column, sentences

VALUES = 8  # of one axis that a sentence names


@dataclass(frozen=True)
class Report:
    sweep: Sweep
    table: Table
    column: Column | None  # of the metric that says what is best
    left_out: dict[Path, str]

    @classmethod
    def of(cls, found: Found) -> Report:
        """Raises `InputError` where the runs do not compare."""
        comparable(found.runs)
        check_networks(found.runs)
        made = sweep(found.runs)
        return cls(made, table(made.arms), main_column(made.arms), found.left_out | made.repeated)

    @cached_property
    def ranking(self) -> Ranking | None:
        return Ranking.of(self.table, self.column) if self.column else None

    @property
    def cells(self) -> dict[str, Cell]:
        """What each arm scored in the main column."""
        if not self.ranking:
            return {}
        return {row.name: self.ranking.cell(place) for place, row in enumerate(self.ranking.rows)}

    @property
    def case_column(self) -> Column | None:
        """Of the metric by which samples of the best arm are worst and best: one that each of them has."""
        runs = [arm.runs[0] for arm in self.by_rank()[:1]]
        known = {name for run in runs for scores in run.samples.values() for name in scores}
        metrics = [name for run in runs if run.result for name in run.result["protocol"].get("metrics") or []]
        return leading(dict.fromkeys([*metrics, *sorted(known)]), known)

    def by_rank(self) -> list[Arm]:
        """The arms that have a score, the best first."""
        by_name = {arm.name: arm for arm in self.sweep.arms}
        return [by_name[name] for name in self.cells]

    @property
    def verdict(self) -> list[str]:
        return sentences(self.ranking, self.sweep.arms) if self.ranking else []

    @property
    def networks(self) -> list[Network]:
        return networks(self.sweep.arms)

    @property
    def notes(self) -> list[str]:
        """What the numbers are of."""
        results = [run.result for arm in self.sweep.arms for run in arm.scored if run.result]
        said = []
        if results:
            first, protocol = results[0], results[0]["protocol"]
            size = "x".join(str(side) for side in reversed(first["resolution"]))
            version = f"{protocol.get('id')}, version {protocol.get('version')}"
            if not first.get("complete", True):
                version += f" ({first['samples']} of {protocol['samples']} samples)"
            said.append(f"Protocol {version}: {first['samples']} samples at {size}.")
        said += device_notes(self.sweep.arms)
        if self.sweep.axes:
            told = "; ".join(f"{name}: {_few(values)}" for name, values in self.sweep.axes.items())
            said.append(f"What differs is {told}.")
        return said


def _few(values: Sequence[str]) -> str:
    more = f" and {len(values) - VALUES} more" if len(values) > VALUES else ""
    return ", ".join(values[:VALUES]) + more

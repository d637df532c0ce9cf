"""The Pareto front, and a metric along an axis."""

from __future__ import annotations

import numpy as np
import pytest

from humangen.report.columns import Column
from humangen.report.sweep import Arm
from humangen.report.sweep_plots import Point, front, lines_along
from humangen.report.tables import Cell


@pytest.mark.parametrize("metric", ["psnr", "l1"])
@pytest.mark.parametrize("seed", range(20))
def test_a_point_is_on_the_front_unless_another_is_as_cheap_and_as_good(metric: str, seed: int) -> None:
    column, generator = Column.of(metric), np.random.default_rng(seed)
    pairs = generator.integers(0, 6, (12, 2))
    points = [Point(str(at), float(cost), Cell((float(value),))) for at, (cost, value) in enumerate(pairs)]
    found = {(point.cost, point.cell.mean) for point in front(points, column)}
    expected = {
        (one.cost, one.cell.mean)
        for one in points
        if not any(
            other.cost <= one.cost
            and not column.beats(one.cell.mean, other.cell.mean)
            and (other.cost, other.cell.mean) != (one.cost, one.cell.mean)
            for other in points
        )
    }
    assert found == expected


def test_a_line_for_each_setting_of_the_other_axes() -> None:
    arms = [Arm(f"{s}{n}", {"solver": s, "num_steps": str(n)}, []) for s in "ab" for n in (10, 2)]
    cells = {arm.name: Cell((1.0,)) for arm in arms[:3]} | {arms[3].name: Cell(text="unavailable")}
    lines = lines_along("num_steps", arms, cells)
    assert {name: [place for place, _ in points] for name, points in lines.items()} == {
        "solver=a": [2.0, 10.0],
        "solver=b": [10.0],
    }

"""Seconds of different devices do not compare."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from humangen.cli.main import main as humangen
from humangen.report.columns import Column
from humangen.report.formats import markdown
from humangen.report.report import Report
from humangen.report.runs import Run, find_runs
from humangen.report.sweep import Arm
from humangen.report.sweep_plots import Point, costs, fronts, seconds_to_paint, seconds_to_train
from humangen.report.tables import Cell, table
from tests.unit.report.made_up import leave, result, steps

CPU, GPU = "cpu, 2 threads", "NVIDIA H200"


def arms_on(folder: Path, *devices: str) -> Report:
    """Arms that are the better and the dearer the later they come."""
    for number, device in enumerate(devices, start=1):
        made = result(float(number), seconds_per_sample=number / 4, device=device, **steps(number))
        leave(folder / str(number), made, training={"steps": 5, "seconds": 10.0 * number})
    return Report.of(find_runs([folder]))


def plotted(folder: Path) -> list[str]:
    humangen(["report", str(folder)])
    return re.findall(r'alt="(psnr against seconds[^"]*)"', (folder / "index.html").read_text())


def test_seconds_say_of_which_device_they_are(tmp_path: Path) -> None:
    report = arms_on(tmp_path, CPU, CPU)
    assert f"Seconds are on {CPU}." in report.notes
    assert "| **0.2500** |" in markdown(report.table)
    assert plotted(tmp_path) == [
        f"psnr against seconds a sample on {CPU}",
        f"psnr against seconds of training on {CPU}",
    ]


def test_seconds_of_two_devices_are_not_held_against_each_other(tmp_path: Path) -> None:
    report = arms_on(tmp_path, CPU, GPU)
    told = f"compare on one of them alone: {CPU} (num_steps=1); {GPU} (num_steps=2)."
    assert any(note.endswith(told) for note in report.notes)
    text = markdown(report.table)
    assert "**0.2500**" not in text
    assert "0.2500" in text
    assert "**24.00**" in text  # the scores compare
    assert plotted(tmp_path)[0] == f"psnr against seconds a sample on {CPU}, and on {GPU}"


def test_each_device_has_its_own_front() -> None:
    """The dear point of a slow device is beaten by the other's alone."""
    points = [
        Point("slow", 1.0, Cell((20.0,)), CPU),
        Point("slow and worse", 2.0, Cell((19.0,)), CPU),
        Point("fast", 0.1, Cell((21.0,)), GPU),
    ]
    found = fronts(points, Column.of("psnr"))
    assert {name: [point.name for point in chosen] for name, chosen in found.items()} == {CPU: ["slow"], GPU: ["fast"]}


def test_seeds_on_two_devices_are_of_both(tmp_path: Path) -> None:
    for seed, device in enumerate((CPU, GPU)):
        leave(tmp_path / str(seed), result(seed=seed, device=device))
    assert f"Seconds are on {GPU} and {CPU}." in Report.of(find_runs([tmp_path])).notes


def test_pictures_are_of_the_device_that_painted_them_and_not_of_the_one_that_scores(tmp_path: Path) -> None:
    leave(tmp_path / "one", result(device=CPU, painted_on=[GPU]))
    assert Report.of(find_runs([tmp_path])).notes[-1] == f"Seconds are on {GPU}."


def test_pictures_of_several_devices_in_one_result_are_told(tmp_path: Path) -> None:
    leave(tmp_path / "one", result(device=CPU, painted_on=[GPU, CPU], **steps(1)))
    leave(tmp_path / "two", result(device=CPU, painted_on=[CPU], **steps(2)))
    notes = Report.of(find_runs([tmp_path])).notes
    assert f"num_steps=1 was painted on several devices, which round differently: {GPU} and {CPU}." in notes
    assert sum("round differently" in note for note in notes) == 1


def test_what_took_no_time_has_no_device(tmp_path: Path) -> None:
    leave(tmp_path / "ours", result(device=GPU), "checkpoint=shipped")
    leave(tmp_path / "at_work", None, training={"steps": 5, "seconds": 1.0})
    theirs = result(device=CPU, seconds_per_sample=None, predictions="/x/theirs")
    leave(tmp_path / "theirs", theirs, "predictions=/x/theirs")
    assert f"Seconds are on {GPU}." in Report.of(find_runs([tmp_path])).notes


@pytest.mark.parametrize(("cost", "expected"), [(seconds_to_paint, [0.3, 1.5]), (seconds_to_train, [15.0, 30.0])])
def test_an_arm_costs_what_its_runs_took_on_average(tmp_path: Path, cost: object, expected: list[float]) -> None:
    taken = {(1, 0): (0.2, 10.0), (1, 1): (0.4, 20.0), (2, 0): (1.5, 30.0)}
    for (number, seed), (painting, training) in taken.items():
        made = result(seconds_per_sample=painting, seed=seed, device=CPU, **steps(number))
        leave(tmp_path / f"{number}{seed}", made, training={"steps": 5, "seconds": training})
    report = Report.of(find_runs([tmp_path]))
    points = costs(report.sweep.arms, report.cells, cost)  # type: ignore[arg-type]
    assert [point.name for point in points] == ["num_steps=1", "num_steps=2"]
    assert [point.cost for point in points] == pytest.approx(expected)
    assert {point.device for point in points} == {CPU}


def test_what_says_no_seconds_is_no_point() -> None:
    assert costs([Arm("a", {}, [])], {"a": Cell((1.0,))}, seconds_to_paint) == []


def test_step_speeds_are_medians_and_compare(tmp_path: Path) -> None:
    """One slow step, of a cache that is cold say, is not the speed of a run."""
    curves = {1: (9.0, 0.5, 0.25), 2: (9.0, 1.5, 1.0)}
    arms = [
        Arm(f"a{number}", {}, [Run(tmp_path, {}, None, {"steps": 3}, {"speed/step_seconds": [*enumerate(values)]})])
        for number, values in curves.items()
    ]
    assert [line.texts for line in table(arms).lines()] == [["0.5000"], ["1.500"]]
    assert [line.best for line in table(arms).lines()] == [[True], [False]]

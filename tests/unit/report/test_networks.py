"""The networks behind results: named with their files, and not mixed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from humangen.cli.main import main as humangen
from humangen.report.networks import Network
from humangen.report.report import Report
from humangen.report.runs import find_runs
from humangen.types import InputError
from tests.unit.report.made_up import leave, result, steps


def of_network(sha256: str, **details: Any) -> dict[str, Any]:
    files = {"net.pth": sha256, "box.pth": "b" * 64}
    about = {"samples": 3, "network": "small <net>", "sha256": sha256, "files": files}
    return {"fid": about | details, "kid": about}


def test_metrics_of_one_network_are_named_together_with_its_files(tmp_path: Path) -> None:
    for number in (1, 2):
        leave(tmp_path / str(number), result(float(number), **steps(number), networks=of_network("a" * 64)))
    report = Report.of(find_runs([tmp_path]))
    assert report.networks == [
        Network(["fid", "kid"], "small <net>", ("net.pth@aaaaaaaa", "box.pth@bbbbbbbb"), "3", [])
    ]
    humangen(["report", str(tmp_path)])
    page = (tmp_path / "index.html").read_text()
    assert "<td>small &lt;net&gt;</td><td>net.pth@aaaaaaaa, box.pth@bbbbbbbb</td><td>fid, kid</td><td>3</td>" in page


def test_networks_say_of_how_many_samples_and_what_to_know(tmp_path: Path) -> None:
    singular = "covariance is singular: 3 samples, 128 features"
    for number, seen in ((1, 5), (2, 9)):
        details = of_network("a" * 64, samples=seen, note=f"{seen} frames") | {
            "fvd": {"samples": 3, "network": "clips", "sha256": "c" * 64, "note": singular}
        }
        leave(tmp_path / str(number), result(float(number), **steps(number), networks=details))
    small, clips = Report.of(find_runs([tmp_path])).networks
    assert small.samples == "fid 5 to 9, kid 3"
    assert small.notes == ["fid: num_steps=1: 5 frames", "fid: num_steps=2: 9 frames"]
    assert (clips.samples, clips.notes) == ("3", [singular])
    humangen(["report", str(tmp_path)])
    page = (tmp_path / "index.html").read_text()
    assert f"<td>fvd</td><td>3</td><td><div>{singular}</div></td>" in page
    assert "<div>fid: num_steps=1: 5 frames</div><div>fid: num_steps=2" in page


def test_long_lists_of_notes_are_cut(tmp_path: Path) -> None:
    for number in range(12):
        leave(tmp_path / str(number), result(**steps(number), networks=of_network("a" * 64, note=f"{number} frames")))
    (network,) = Report.of(find_runs([tmp_path])).networks
    assert len(network.notes) == 9
    assert network.notes[-1] == "and 4 more notes"


def test_the_number_of_samples_is_with_every_table(tmp_path: Path) -> None:
    leave(tmp_path / "one", result())
    leave(tmp_path / "trained", None, training={"steps": 5})
    humangen(["report", str(tmp_path)])
    with (tmp_path / "table.csv").open() as file:
        counts = {row["name"]: row["samples"] for row in csv.DictReader(file)}
    assert counts.pop("trained") == ""
    assert {*counts} >= {"solver=ddim", "floor: repeat", "ceiling: codec"}
    assert {*counts.values()} == {"3"}
    for name in ("table.md", "table.tex", "index.html"):
        assert "Protocol made_up, version 1: 3 samples at 48x64." in (tmp_path / name).read_text()


def test_one_metric_of_two_networks_is_refused(tmp_path: Path) -> None:
    for number, digit in enumerate("ac"):
        leave(tmp_path / str(number), result(**steps(number), networks=of_network(digit * 64)))
    with pytest.raises(InputError, match=r"fid is of small <net> \(net.pth@aaaaaaaa.*net.pth@cccccccc.*do not compare"):
        Report.of(find_runs([tmp_path]))


def test_a_network_that_only_one_result_had_is_no_difference(tmp_path: Path) -> None:
    leave(tmp_path / "1", result(**steps(1), networks=of_network("a" * 64)))
    leave(tmp_path / "2", result(**steps(2)))
    found = find_runs([tmp_path])
    assert len(Report.of(found).networks) == 1

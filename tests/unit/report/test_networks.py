"""The networks behind results: named with their files, and not mixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from humangen.cli.main import main as humangen
from humangen.report.networks import Network, networks
from humangen.report.report import Report
from humangen.report.runs import find_runs
from humangen.types import InputError
from tests.unit.report.made_up import leave, result, steps


def of_network(sha256: str) -> dict[str, Any]:
    files = {"net.pth": sha256, "box.pth": "b" * 64}
    about = {"samples": 3, "network": "small <net>", "sha256": sha256, "files": files}
    return {"fid": about, "kid": about}


def test_metrics_of_one_network_are_named_together_with_its_files(tmp_path: Path) -> None:
    for number in (1, 2):
        leave(tmp_path / str(number), result(float(number), **steps(number), networks=of_network("a" * 64)))
    report = Report.of(find_runs([tmp_path]))
    assert report.networks == [Network(["fid", "kid"], "small <net>", ("net.pth@aaaaaaaa", "box.pth@bbbbbbbb"))]
    humangen(["report", str(tmp_path)])
    page = (tmp_path / "index.html").read_text()
    assert "<td>small &lt;net&gt;</td><td>net.pth@aaaaaaaa, box.pth@bbbbbbbb</td><td>fid, kid</td>" in page


def test_one_metric_of_two_networks_is_refused(tmp_path: Path) -> None:
    for number, digit in enumerate("ac"):
        leave(tmp_path / str(number), result(**steps(number), networks=of_network(digit * 64)))
    with pytest.raises(InputError, match=r"fid is of small <net> \(net.pth@aaaaaaaa.*net.pth@cccccccc.*do not compare"):
        Report.of(find_runs([tmp_path]))


def test_a_network_that_only_one_result_had_is_no_difference(tmp_path: Path) -> None:
    leave(tmp_path / "1", result(**steps(1), networks=of_network("a" * 64)))
    leave(tmp_path / "2", result(**steps(2)))
    found = find_runs([tmp_path])
    assert len(networks(found.runs)) == 1
    assert Report.of(found).networks

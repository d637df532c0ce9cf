"""Only results by the same ruler share a table, and one that fails does not take the others along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from humangen.cli.main import main as humangen
from humangen.report.report import Report
from humangen.report.runs import find_runs
from humangen.types import InputError
from tests.unit.report.made_up import leave, result, steps


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"protocol": {"id": "made_up", "version": 2}}, "protocol"),
        ({"protocol": {"id": "other", "version": 1}}, "protocol"),
        ({"resolution": [64, 64]}, "resolution"),
        ({"samples": 4}, "number of samples"),
        ({"keys_sha256": "other"}, "samples"),
        ({"data_sha256": "other"}, "data"),
        ({"frames_per_clip": 2}, "frames"),
        ({"frames_per_clip": {"least": 1, "most": 2, "sha256": "f"}}, "frames"),
    ],
)
def test_other_rulers_are_refused_by_folder(tmp_path: Path, changes: dict[str, Any], word: str) -> None:
    leave(tmp_path / "one", result())
    leave(tmp_path / "two", result(**changes))
    with pytest.raises(InputError, match=word) as refusal:
        Report.of(find_runs([tmp_path]))
    assert str(tmp_path / "one") in str(refusal.value)
    assert str(tmp_path / "two") in str(refusal.value)


def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(tmp_path / "good", result())
    leave(tmp_path / "failed", None)
    older = {"psnr": 20.0, "protocol": {"id": "made_up", "version": 1}, "resolution": [64, 48]}
    leave(tmp_path / "older", older)
    leave(tmp_path / "broken", None)
    (tmp_path / "broken" / "result.json").write_text('{"scores": ')
    leave(tmp_path / "listed", None)
    (tmp_path / "listed" / "result.json").write_text("[]")
    humangen(["report", str(tmp_path)])
    told = capsys.readouterr().out
    for name in ("failed", "older", "broken", "listed"):
        assert f"left out: {tmp_path / name}" in told
        assert str(tmp_path / name) in (tmp_path / "index.html").read_text()


def test_nothing_to_report_is_one_sentence(tmp_path: Path) -> None:
    leave(tmp_path / "failed", None)
    with pytest.raises(InputError, match=r"no result to report.*failed"):
        find_runs([tmp_path])


@pytest.mark.parametrize(
    "lacking", ["intervals", "intervals_beside", "floors", "ceilings", "variants", "sampler", "seconds_per_sample"]
)
def test_a_result_may_lack_what_is_beside_its_scores(tmp_path: Path, lacking: str) -> None:
    for number in (1, 2):
        made = result(**steps(number))
        if number == 2:
            del made[lacking]
        leave(tmp_path / str(number), made)
    humangen(["report", str(tmp_path)])
    assert (tmp_path / "table.tex").is_file()


def test_floors_and_ceilings_have_intervals_too(tmp_path: Path) -> None:
    leave(tmp_path / "one", result())
    humangen(["report", str(tmp_path)])
    lines = (tmp_path / "table.md").read_text().splitlines()
    for row, interval in (("floor: repeat", "14.00 to 16.50"), ("ceiling: codec", "39.00 to 41.50")):
        at = next(number for number, line in enumerate(lines) if line.startswith(f"| {row} |"))
        assert interval in lines[at + 1]
    other = result(floors={"repeat": {"psnr": 15.5, "l1": 0.1}}, **steps(2))  # not that of the same run
    leave(tmp_path / "two", other | {"intervals_beside": {"repeat": {"psnr": [15.0, 16.0]}}})
    humangen(["report", str(tmp_path)])
    text = (tmp_path / "table.md").read_text()
    assert "14.00 to 16.50" in text
    assert "15.00 to 16.00" in text
    assert "39.00 to 41.50" in text  # of both


def test_samples_that_are_not_all_there_are_told_with_the_protocol(tmp_path: Path) -> None:
    protocol = {"id": "made_up", "version": 1, "metrics": ["psnr"], "samples": 6}
    for name, complete, label in (("all", True, "version 1: 3"), ("some", False, "version 1 (3 of 6 samples): 3")):
        leave(tmp_path / name, result(protocol=protocol, complete=complete))
        assert f"Protocol made_up, {label} samples" in Report.of(find_runs([tmp_path / name])).notes[0]


def test_a_floor_of_several_runs_is_the_mean_of_all(tmp_path: Path) -> None:
    """Seeds may paint other floors, and the first is none of all."""
    for seed, psnr in enumerate((14.0, 15.0, 19.0)):
        leave(tmp_path / str(seed), result(seed=seed, floors={"isolated": {"psnr": psnr}}, intervals_beside={}))
    humangen(["report", str(tmp_path)])
    assert "| floor: isolated | 3 | 16.00 ± 2.65 |" in (tmp_path / "table.md").read_text()

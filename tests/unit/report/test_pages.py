"""One page that holds all it shows: pictures of the same samples, plots, and the worst and best cases."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from humangen.cli.main import main as humangen
from humangen.media import write_picture
from humangen.report import pictures
from humangen.report.columns import Column
from humangen.report.report import Report
from humangen.report.runs import find_runs
from tests.unit.report.made_up import leave, result, steps

SCORES = {f"s{number}": 20.0 + number for number in range(8)}
PICTURE = np.zeros((8, 8, 3), np.uint8)


def painted(root: Path, *, frames: int = 1) -> Path:
    for key in SCORES:
        names = [f"{key}.png"] if frames == 1 else [f"{key}/{frame:05d}.png" for frame in range(frames)]
        for name in names:
            write_picture(root / name, PICTURE)
    return root


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    for number in (1, 2):
        shift = float(number)
        made = result(shift, **steps(number), painted=str(painted(tmp_path / f"kept{number}", frames=number)))
        made["seconds_per_sample"] = shift
        folder = leave(tmp_path / "sweep" / str(number), made, samples={k: v + shift for k, v in SCORES.items()})
        for name in ("reference", "painted", "truth"):
            write_picture(folder / "clips" / "s0" / f"{name}.png", PICTURE)
    return tmp_path / "sweep"


def test_the_page_needs_no_other_file(sweep: Path) -> None:
    humangen(["report", str(sweep), "--output", str(sweep / "page")])
    text = (sweep / "page" / "index.html").read_text()
    for shown in ("psnr against sampler.num_steps", "psnr against seconds a sample", "Worst cases", "Best cases"):
        assert shown in text
    assert not re.findall(r'(?:src|href)="(?!data:)', text)


def test_cases_are_the_worst_and_best_of_the_best_arm(sweep: Path) -> None:
    report = Report.of(find_runs([sweep]))
    text = pictures.cases(report.by_rank(), Column.of("psnr"))
    assert re.findall(r"<small>(\w+)</small>", text) == ["s0", "s1", "s2", "s7", "s6", "s5"]
    assert re.findall(r"<figcaption>([\d.]+)", text)[:2] == ["22.00", "21.00"]
    assert re.findall(r"<th>([^<]*)</th>", text)[:5] == ["", "reference", "num_steps=2", "num_steps=1", "truth"]
    assert text.count("data:image/webp") == 5  # the clips of two frames, but the one that was kept with the result


def test_strips_show_what_all_arms_painted(sweep: Path) -> None:
    text = pictures.strips(Report.of(find_runs([sweep])).sweep.arms)
    heads = re.findall(r"<th>([^<]*)</th>", text)
    assert heads == ["", "reference", "num_steps=1", "num_steps=2", "truth"]


def test_paintings_that_are_gone_are_not_missed(tmp_path: Path) -> None:
    leave(tmp_path / "one", result(painted="/nowhere"), samples=SCORES)
    report = Report.of(find_runs([tmp_path]))
    assert pictures.cases(report.by_rank(), Column.of("psnr")) == ""
    assert pictures.strips(report.sweep.arms) == ""


def test_training_alone_is_reported(tmp_path: Path) -> None:
    leave(tmp_path / "one", None, training={"steps": 5, "seconds": 1.0})
    humangen(["report", str(tmp_path)])
    assert "one" in (tmp_path / "index.html").read_text()

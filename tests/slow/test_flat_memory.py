"""What takes no more memory for more of it, by the benchmarks that measure it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.slow.test_benchmarks import run

pytestmark = pytest.mark.slow


def test_scoring_more_clips_takes_no_more_memory(tmp_path: Path) -> None:
    """100 clips of 64x64 are 79 MB as painted alone: what a score that kept its pictures would grow by, or more."""
    output = tmp_path / "metrics.json"
    options = ["--size", "64", "--clips", "100", "--repeats", "1", "--warmup", "1"]
    finished = run("metrics.py", *options, "--output", str(output))
    assert finished.returncode == 0, finished.stderr
    grown = {name: row["grown_bytes"] for name, row in json.loads(output.read_text())["variants"].items()}
    assert max(grown.values()) < 30e6, grown


def test_a_long_video_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    output = tmp_path / "length.json"
    options = ["--size", "128", "--lengths", "50", "200", "--steps", "1"]
    finished = run("length.py", *options, "--output", str(output))
    assert finished.returncode == 0, finished.stderr
    rows = json.loads(output.read_text())["variants"]
    # one copy of the 150 frames more would be 29 MB, or 2.7 %
    assert rows["200"]["peak_bytes"] < 1.02 * rows["50"]["peak_bytes"]

"""The three forms of try-on, tiny: figures, and what they must be by counting."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TINY = ["--model", "tiny", "--height", "64", "--width", "48", "--repeats", "2"]

pytestmark = pytest.mark.slow


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "tryon.py"), *TINY, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def figures(path: Path, steps: int) -> dict[str, dict[str, float]]:
    finished = run("--steps", str(steps), "--output", str(path))
    assert finished.returncode == 0, finished.stderr
    result = json.loads(path.read_text())
    assert result["baseline"] == "cached"
    assert all(name in finished.stdout for name in result["variants"])
    return result["variants"]


def test_each_form_costs_what_it_should(tmp_path: Path) -> None:
    few, many = (figures(tmp_path / f"{steps}.json", steps) for steps in (1, 3))
    assert set(few) == {"cached", "two_unets", "canvas"}
    step = {name: (many[name]["flops"] - few[name]["flops"]) / 2 for name in few}
    once = {name: few[name]["flops"] - step[name] for name in few}
    assert once["canvas"] == 0 < once["two_unets"] <= once["cached"]  # the second U-Net is given no pose
    assert step["cached"] < step["two_unets"] < step["canvas"]
    assert few["cached"]["ratio"] == 1
    for row in few.values():
        assert row["seconds"] > 0
        assert row["peak_bytes"] > 4 * row["parameters"]
    assert few["canvas"]["parameters"] == few["cached"]["parameters"] < few["two_unets"]["parameters"]
    assert few["two_unets"]["peak_bytes"] - few["cached"]["peak_bytes"] > 0


def test_says_what_is_wrong_in_a_sentence() -> None:
    finished = run("--height", "30")
    assert finished.returncode == 2
    assert "multiples of 8" in finished.stderr
    assert "Traceback" not in finished.stderr

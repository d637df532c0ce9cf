"""Every benchmark runs with tiny arguments, prints its table and writes its JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = ["--size", "32", "--repeats", "2", "--warmup", "1"]
STEPS = {"plain", "cached", "causal_uncached", "full", "canvas", "read"}
CASES = {
    "step": (["step.py", *SMALL, "--batch", "1"], STEPS),
    "step-clip": (["step.py", *SMALL, "--batch", "1", "--frames", "2", "--dtype", "bfloat16"], STEPS),
    "train": (["train.py", *SMALL, "--batch", "3"], {"plain", "causal_1", "causal_3", "full", "canvas"}),
    "loader": (
        ["loader.py", *SMALL, "--clips", "4", "--batch", "1", "--batches", "2"],
        {"decord", "pyav", "workers_0", "workers_1", "workers_2", "latents"},
    ),
    "loader-clip": (
        ["loader.py", *SMALL, "--clips", "2", "--batch", "1", "--batches", "2", "--frames", "4"],
        {"decord", "pyav", "workers_0", "workers_1", "workers_2", "latents"},
    ),
    "prep": (["prep.py", *SMALL, "--frames", "4"], {"decode", "probe", "cut", "person", "pose", "transcode"}),
}

pytestmark = pytest.mark.slow


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("case", CASES)
def test_writes_its_figures(case: str, tmp_path: Path) -> None:
    command, variants = CASES[case]
    output = tmp_path / "result.json"
    finished = run(*command, "--output", str(output))
    assert finished.returncode == 0, finished.stderr
    result = json.loads(output.read_text())
    assert set(result["variants"]) - {"torchcodec"} == variants
    assert all(variant in finished.stdout for variant in variants)
    assert result["variants"][result["baseline"]]["ratio"] == 1
    for row in result["variants"].values():
        assert row["seconds"] > 0
        assert row["spread"] >= 0
        assert row["ratio"] > 0
    assert set(result["machine"]) >= {"cpu", "cores", "torch", "threads"}
    assert result["arguments"]["repeats"] == 2


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["step.py", "--size", "30"], "multiple of 8"),
        (["step.py", "--frames", "33"], "at most 32 frames"),
        (["train.py", "--batch", "4"], "cannot be shared out at 3 per reference"),
        (["loader.py", "--shards", "nowhere"], "no shards in nowhere"),
    ],
)
def test_says_what_is_wrong_in_a_sentence(command: list[str], sentence: str) -> None:
    finished = run(*command)
    assert finished.returncode == 2
    assert sentence in finished.stderr
    assert "Traceback" not in finished.stderr

"""Metrics with a network on 1, 2 and 3 ranks, one of which sees nothing: the same counts, the same values."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def scores(folder: Path) -> list[dict[str, Any]]:
    """Those of 1, 2 and 3 processes."""
    command = [sys.executable, str(Path(__file__).with_name("network_ranks.py")), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_ranks_change_nothing(tmp_path: Path) -> None:
    one, *others = scores(tmp_path)
    assert len(others) == 2
    assert one["frechet"]["samples"] == one["kernel"]["samples"] == one["cosine"]["samples"] == 30
    assert 0 < one["faces"]["detection_rate"] < 1
    assert 0 < one["pose"]["value"] < 0.2
    assert 0 < one["missing"]["value"] < 1
    for ranks, several in enumerate(others, start=2):
        for name, score in one.items():
            for key, value in score.items():
                expected = pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
                assert several[name][key] == expected, f"{name} {key} on {ranks} ranks"

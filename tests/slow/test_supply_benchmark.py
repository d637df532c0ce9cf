"""The arithmetic of supply: figures that a person can work out, and those of real shards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.tiny import tiny_shards

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def told(folder: Path, *arguments: str) -> tuple[dict, str]:
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "supply.py"),
        "--output",
        str(folder / "supply.json"),
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return json.loads((folder / "supply.json").read_text()), done.stdout


def test_figures_that_can_be_worked_out(tmp_path: Path) -> None:
    """One node of two GPUs, 36,000 clips of a megabyte in 360 shards, 500 steps of 72 clips in two seconds each."""
    words = "--gpus 2 --hours 100 --clip-bytes 1e6 --per-shard 100 --batch 36 --step-seconds 2 --workers 3"
    able = "--worker-clips 5 --network 8 --store 1 --disk 1"
    found, shown = told(tmp_path, *words.split(), *able.split())
    assert found["figures"]["shards"] == "360"
    assert found["figures"]["clips a stream"] == "166 or 167"
    assert found["figures"]["shards opened"] == "504"
    rates = found["rates"]
    assert rates["decoding, a GPU"] == pytest.approx({"asked": 18, "able": 15, "load": 1.2})
    assert rates["store, all nodes"]["asked"] == pytest.approx(0.0504)
    assert rates["network, a node"] == pytest.approx({"asked": 0.0504, "able": 1, "load": 0.0504})
    assert "first bottleneck: decoding, a GPU; the GPUs wait for it where a step takes less than 2.40 s" in shown


def test_clips_of_real_shards(tmp_path: Path) -> None:
    folder, index = tiny_shards(tmp_path, 5, per_shard=2)
    found, _ = told(tmp_path, "--shards", str(folder))
    assert found["arguments"]["clip_seconds"] == pytest.approx(2 / 8)
    assert found["arguments"]["clip_bytes"] == pytest.approx(sum(shard.num_bytes for shard in index.shards) / 5)

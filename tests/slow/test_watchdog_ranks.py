"""One rank stands still: both say where they are, and the run ends after the patience that its strategy has."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.slow.two_ranks import ROOT, TORCHRUN

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("stalls", "step", "stands", "waits"),
    [
        # of which one is fetched ahead; the other waits where losses are looked at together
        ("data", 0, "waiting for its next batch", "in the forward pass"),
        ("backward", 1, "in the backward pass", "in the backward pass"),
    ],
)
def test_a_rank_that_does_not_come_is_told_and_ends_the_run(
    stalls: str, step: int, stands: str, waits: str, tmp_path: Path
) -> None:
    options = {"strategy": "ddp", "steps": 9, "stalls": stalls, "patience": 30}
    command = [*TORCHRUN, "-m", "tests.slow.ranks_train", str(tmp_path / "run.json"), json.dumps(options)]
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, timeout=300, capture_output=True, text=True)
    assert done.returncode
    assert time.monotonic() - began < 200
    assert len(re.findall(rf"^step {step}: rank 1 has been {stands} for \d+ s$", done.stdout, re.M)) >= 5
    assert len(re.findall(rf"^step {step}: rank 0 has been {waits} for \d+ s$", done.stdout, re.M)) >= 5
    assert "time.sleep(600)" in done.stdout
    failed = re.search(rf"^step {step}: rank 0 failed after (\d+) s {waits}: .*", done.stderr, re.M | re.I)
    assert failed, done.stderr[-3000:]
    assert 20 <= int(failed[1]) <= 90

"""Ctrl-C in the middle of training, which reaches its loader workers too, leaves a checkpoint to go on from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from humangen.checkpoint import find

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_interrupt_saves_and_resumes(tmp_path: Path) -> None:
    common = [sys.executable, "train.py", "height=64", "width=64", "data.source.people=8", "data.source.held_out=2"]
    common += [
        f"data.source.folder={tmp_path}/shards",
        "data.batch_size=1",
        "data.num_workers=1",
        "sampler.num_steps=2",
    ]
    first = subprocess.Popen(
        [*common, f"hydra.run.dir={tmp_path}/first", "callbacks.progress.seconds=0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert first.stdout is not None
    for line in first.stdout:
        if line.startswith("step 3/"):
            os.killpg(first.pid, signal.SIGINT)  # as a terminal does
            break
    first.stdout.read()
    assert first.wait(timeout=120) == 130, "by which a script knows that it was stopped, and not that it failed"
    stored = torch.load(find(tmp_path / "first"), weights_only=True)
    step = stored["global_step"]
    assert step >= 3
    began = time.perf_counter()
    second = [*common, f"hydra.run.dir={tmp_path}/second", f"resume={tmp_path}/first", f"max_steps={step + 2}"]
    subprocess.run(second, cwd=ROOT, check=True, timeout=300)
    assert torch.load(find(tmp_path / "second"), weights_only=True)["global_step"] == step + 2
    assert time.perf_counter() - began < 300

"""The trace of a real run, read back."""

from __future__ import annotations

import json
from pathlib import Path

import lightning as L
import pytest
from torch.utils.data import DataLoader

from humangen.callbacks.trace import StepTrace
from tests.unit.clocked import Batches, Clock, Line


def traced(folder: Path, steps: int, wait: int = 1) -> list[Path]:
    trainer = L.Trainer(
        accelerator="cpu", max_steps=steps, logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, profiler=StepTrace(folder=str(folder), wait=wait, warmup=1, active=2),
    )  # fmt: skip
    trainer.fit(Line(Clock()), DataLoader(Batches(Clock(), (2,)), batch_size=None))
    return list(folder.glob("*.pt.trace.json"))


def test_a_trace_names_the_parts_of_the_step_and_the_modules(tmp_path: Path) -> None:
    (file,) = traced(tmp_path, 6)
    events = json.loads(file.read_text())["traceEvents"]
    names = [event["name"] for event in events]
    for part in ("train_dataloader_next", ".training_step", ".backward", "optimizer_step", "Linear: network"):
        assert any(name.startswith("[pl]") and name.endswith(part) for name in names), part
    assert sum(name.endswith(".backward") and name.startswith("[pl]") for name in names) == 2  # the active steps
    assert "aten::addmm" in names


def test_a_run_too_short_for_a_trace_says_so(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"no trace: it needs 12 training steps; take profiler\.wait=0"):
        assert not traced(tmp_path, 2, wait=9)

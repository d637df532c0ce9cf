"""The trace of a real run, read back."""

from __future__ import annotations

import json
from pathlib import Path

import lightning as L
import pytest
from torch.utils.data import DataLoader

from humangen.callbacks.trace import StepTrace
from tests.unit.clocked import Batches, Clock, Line

PARTS = ("run_training_batch", "train_dataloader_next", ".training_step", ".backward", ".optimizer_step")


def traced(folder: Path, steps: int, wait: int = 1) -> list[Path]:
    trainer = L.Trainer(
        accelerator="cpu", max_steps=steps, logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, profiler=StepTrace(folder=str(folder), wait=wait, warmup=1, active=2),
    )  # fmt: skip
    trainer.fit(Line(Clock()), DataLoader(Batches(Clock(), (2,)), batch_size=None))
    return list(folder.glob("*.pt.trace.json"))


def names_in(file: Path) -> list[str]:
    events = json.loads(file.read_text())["traceEvents"]
    return [event["name"] for event in events if event.get("ph") == "X"]


@pytest.mark.parametrize("steps", [4, 7])
def test_a_trace_holds_whole_steps_by_their_parts(steps: int, tmp_path: Path) -> None:
    (file,) = traced(tmp_path, steps)
    names = names_in(file)
    for part in PARTS:
        assert sum(name.endswith(part) for name in names) == 2, part
    assert names.count("aten::addmm") == 2


def test_a_run_that_ends_early_writes_what_it_had(tmp_path: Path) -> None:
    (file,) = traced(tmp_path, 3)
    assert names_in(file).count("aten::addmm") == 1


def test_a_run_too_short_for_a_trace_says_so(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"no trace: the first 10 batches .* take profiler\.wait=0"):
        assert not traced(tmp_path, 2, wait=9)

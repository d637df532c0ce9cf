"""What stands still is told: what it is, on which rank, at which step, for how long and where in the program."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import lightning as L
import pytest
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from humangen import checkpoint_files
from humangen.callbacks.checkpoints import Checkpoints
from humangen.callbacks.watchdog import Watchdog
from humangen.data.watch import Stages
from humangen.doing import Doing, doing
from tests.unit.clocked import TAKES, Batches, Clock, Line


class Sleeps(Clock):
    """Of the parts of a run one takes its time."""

    def __init__(self, slow: str | None = None, seconds: float = 0.5) -> None:
        super().__init__()
        self.takes = dict.fromkeys(TAKES, 0.0) | ({slow: seconds} if slow else {})

    def spend(self, what: str) -> None:
        time.sleep(self.takes[what])


def run(clock: Clock, *callbacks: Callback, patience: float = 1.0, **options: Any) -> None:
    trainer = L.Trainer(
        accelerator="cpu", max_steps=2, callbacks=[Watchdog(patience=patience), *callbacks], logger=False,
        enable_model_summary=False, num_sanity_val_steps=0, enable_checkpointing=bool(callbacks),
        enable_progress_bar=False, val_check_interval=2, check_val_every_n_epoch=None, **options,
    )  # fmt: skip
    trainer.fit(
        Line(clock), DataLoader(Batches(clock, (2,)), batch_size=None), DataLoader([next(iter(Batches(clock, (1,))))],
        batch_size=None),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slow", "said", "where"),
    [
        ("data", "waiting for its next batch", "__iter__"),
        ("forward", "in the forward pass", "training_step"),
        ("backward", "in the backward pass", "backward"),
        ("optimizer", "in the optimiser step", "optimizer_step"),
        ("validation", "validating batch 0", "validation_step"),
    ],
)
def test_the_stage_that_stands_is_told_with_its_place(slow: str, said: str, where: str, capsys: Any) -> None:
    run(Sleeps(slow))
    told = capsys.readouterr().out
    step = 2 if slow == "validation" else 0
    lines = re.findall(rf"^step {step}: rank 0 has been {said} for [01] s$", told, re.M)
    assert len(lines) >= 3  # in half a second, each tenth
    places = re.findall(rf"has been {said} for [01] s\nit is at\n((?: .*\n)+)", told)
    assert f"in {where}\n" in places[0]
    assert len(places) < told.count(said)  # once for as long as it stands


def test_what_goes_on_is_not_told(capsys: Any) -> None:
    run(Sleeps(), patience=6000.0)
    assert "has been" not in capsys.readouterr().out
    for thread in threading.enumerate():
        if thread.name == "watchdog":
            thread.join(5)
            assert not thread.is_alive()


def test_a_save_that_stands_is_told(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a pipe that nobody reads, until somebody does."""
    tube = tmp_path / "tube"
    os.mkfifo(tube)
    save = checkpoint_files.torch.save

    def into_the_tube(content: Any, file: Any) -> None:
        threading.Thread(target=read, daemon=True).start()
        with tube.open("wb") as full:
            full.write(b"x")
        save(content, file)

    def read() -> None:
        time.sleep(0.6)
        tube.read_bytes()

    monkeypatch.setattr(checkpoint_files.torch, "save", into_the_tube)
    run(Sleeps(), Checkpoints(folder=str(tmp_path / "saved"), every_n_train_steps=100))
    told = capsys.readouterr().out
    assert len(re.findall(r"^step 2: rank 0 has been saving a checkpoint for [01] s$", told, re.M)) >= 3
    assert "in into_the_tube\n" in told
    assert (tmp_path / "saved" / "step=00000002.ckpt").is_file()


def test_what_fails_says_where_it_was(capsys: Any) -> None:
    class Fails(Sleeps):
        def spend(self, what: str) -> None:
            if what == "backward":
                raise RuntimeError("Timed out waiting 2000 ms for recv operation")

    with pytest.raises(RuntimeError):
        run(Fails())
    told = capsys.readouterr().err
    assert "step 0: rank 0 failed after 0 s in the backward pass: Timed out waiting 2000 ms" in told


def test_reading_in_this_process_is_told_as_a_worker_would() -> None:
    Stages(0).note("decoding sample s02")
    assert doing.now[0] == "decoding sample s02"


def test_what_was_done_before_is_done_again() -> None:
    process = Doing()
    process.enter("one thing")
    with process.during("another"):
        assert process.now[0] == "another"
    assert process.now[0] == "one thing"

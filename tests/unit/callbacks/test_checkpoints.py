"""A run that stops anywhere, and goes on from what it left, is the run that never stopped: bit for bit."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.loggers.logger import DummyLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from humangen.callbacks.checkpoints import Checkpoints
from humangen.callbacks.ema import Ema
from humangen.callbacks.stop import Stop
from humangen.checkpoint_files import newest, read
from humangen.data.module import ShardData
from humangen.tasks.base import Task
from humangen.types import InputError
from tests.equal_checkpoints import assert_equal

STEPS = 6
SCORES = {2: 3.0, 4: 1.0, 6: 2.0}  # of the validations after these steps


class Draws(IterableDataset):
    def __init__(self, start: int) -> None:
        self.start = start

    def __iter__(self) -> Iterator[Tensor]:
        for number in range(self.start, 1000):
            yield torch.randn(2, 3, generator=torch.Generator().manual_seed(number))


class Numbers(ShardData):
    has_validation = True

    def __init__(self, **options: Any) -> None:
        nothing = dict.fromkeys(("make_evaluation", "collate"))
        given = {"batch_size": 2, "eval_batch_size": 2, "seed": 0, "finish": lambda batch: batch, **options}
        super().__init__(shards="nowhere", **nothing, **given)

    def setup(self, stage: str) -> None:
        pass

    def training_reader(self, part: Any, latents: Any) -> Any:
        raise AssertionError("it reads no shards")

    def train_dataloader(self) -> DataLoader:
        return DataLoader(Draws(self.start), batch_size=None)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(torch.ones(3, 2, 3), batch_size=None)


class Line(Task):
    """Something happens in `phase` when `at` batches of it have been."""

    def __init__(self, phase: str = "", at: int = 0, event: Any = None) -> None:
        super().__init__(
            optimizer=partial(torch.optim.AdamW, lr=0.1),
            learning_rate=partial(torch.optim.lr_scheduler.LinearLR, total_iters=STEPS),
        )
        self.save_hyperparameters({"pipeline": None})
        torch.manual_seed(1)
        self.network = nn.Linear(3, 1)
        self.phase, self.at, self.event = phase, at, event

    def comes_to(self, phase: str) -> None:
        if phase == self.phase:
            self.at -= 1
            if self.at == 0:
                self.event()

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        self.comes_to("training")
        loss = (self.network(batch) - 1).square().mean()
        self.log("train/loss", loss)
        return loss

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        self.comes_to("step")

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.comes_to("validation")
        self.log("val/loss", SCORES.get(self.global_step, 9.0))
        self.log("val/weight", self.network.weight.sum())


class Told(DummyLogger):
    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[tuple[str, int], float] = {}

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.lines |= {(name, step): value for name, value in metrics.items() if name != "epoch"}


def train(
    folder: Path, task: Task | None = None, *, resume: Path | None = None, accumulate: int = 1, steps: int = STEPS,
    data: ShardData | None = None, **options: Any,
) -> Told:  # fmt: skip
    told = Told()
    kept = Checkpoints(folder=str(folder), **{"every_n_train_steps": 1, "keep": 9, "monitor": "val/loss"} | options)
    trainer = L.Trainer(
        accelerator="cpu", max_steps=steps, accumulate_grad_batches=accumulate, logger=told, log_every_n_steps=1,
        callbacks=[Stop(), kept, Ema()], val_check_interval=2 * accumulate, check_val_every_n_epoch=None,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, default_root_dir=folder,
    )  # fmt: skip
    trainer.fit(task or Line(), data or Numbers(), ckpt_path=resume, weights_only=True)
    return told


@pytest.fixture(scope="module", params=[1, 3], ids=["plain", "accumulated"])
def unbroken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, Told]:
    folder = tmp_path_factory.mktemp("unbroken")
    return request.param, folder, train(folder, accumulate=request.param)


def test_every_checkpoint_leads_to_the_same_end(unbroken: tuple[int, Path, Told], tmp_path: Path) -> None:
    """Also the best one, which is saved within validation, and what loggers are told, at which step."""
    accumulate, folder, told = unbroken
    starts = sorted(folder.glob("*.ckpt"))
    assert len(starts) == STEPS + 1
    for start in starts:
        step = read(start)["global_step"]
        if step < STEPS:
            again = train(tmp_path / start.stem, resume=start, accumulate=accumulate)
            assert_equal(newest(folder), newest(tmp_path / start.stem))
            assert again.lines == {key: value for key, value in told.lines.items() if key[1] >= step}, start


def test_saving_leaves_lightning_nothing_to_remark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What it says at a save that does not tell what to keep goes to the terminal, where people take it for a fault."""
    lightning = logging.getLogger("lightning.pytorch")
    lightning.addHandler(caplog.handler)
    try:
        train(tmp_path, steps=2)
    finally:
        lightning.removeHandler(caplog.handler)
    assert len([*tmp_path.glob("*.ckpt")]) == 3
    assert "max_steps=2" in caplog.text  # it is heard
    assert "weights_only" not in caplog.text


def fails() -> None:
    raise InputError("broken sample")


EVENTS = {
    "a failure": (fails, InputError),
    "ctrl-c": (partial(os.kill, os.getpid(), signal.SIGINT), SystemExit),
    "sigterm": (partial(os.kill, os.getpid(), signal.SIGTERM), SystemExit),
}


@pytest.mark.parametrize("unbroken", [3], indirect=True, ids=["accumulated"])
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("phase", ["training", "step", "validation"])
def test_stopped_anywhere(phase: str, event: str, unbroken: tuple[int, Path, Told], tmp_path: Path) -> None:
    """In the second batch of the fourth step, after the weights have changed, and in validation."""
    accumulate, folder, told = unbroken
    at = {"training": 3 * accumulate + 2, "step": 4, "validation": 5}[phase]
    happens, ends = EVENTS[event]
    with pytest.raises(ends):
        train(tmp_path, Line(phase, at, happens), accumulate=accumulate, every_n_train_steps=100)
    saved = newest(tmp_path)
    if (phase, event) == ("step", "a failure"):
        assert saved.name == "best.ckpt"  # of step 2: after the fourth the weights were half changed
    else:
        assert saved.name != "best.ckpt"
    train(tmp_path, resume=saved, accumulate=accumulate, every_n_train_steps=100)
    assert_equal(newest(folder), newest(tmp_path))
    assert_equal(folder / "best.ckpt", tmp_path / "best.ckpt")


def test_the_second_signal_does_not_wait_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(SystemExit):
        train(tmp_path, Line("step", 4, twice))
    assert read(newest(tmp_path))["global_step"] == 3


def test_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    train(tmp_path, every_n_train_steps=2, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "step=00000004.ckpt", "step=00000006.ckpt"]
    assert read(tmp_path / "best.ckpt")["global_step"] == 4


def test_a_kill_after_the_best_was_saved_does_not_make_a_worse_one_the_best(tmp_path: Path) -> None:
    """The run goes on from a checkpoint that knows nothing of it."""
    train(tmp_path, steps=5, mode="max")
    assert read(tmp_path / "best.ckpt")["global_step"] == 2
    train(tmp_path, resume=tmp_path / "step=00000001.ckpt", mode="max")
    assert read(tmp_path / "best.ckpt")["global_step"] == 2
    (tmp_path / "best.ckpt").unlink()
    train(tmp_path, resume=tmp_path / "step=00000003.ckpt", mode="max")
    assert read(tmp_path / "best.ckpt")["global_step"] == 6


def test_a_best_one_that_is_broken_or_of_another_measure_is_replaced(tmp_path: Path) -> None:
    for break_it in (lambda best: best.write_bytes(b"PK"), lambda best: train(tmp_path, steps=2, monitor="val/weight")):
        break_it(tmp_path / "best.ckpt")
        train(tmp_path, steps=4)
        assert read(tmp_path / "best.ckpt")["callbacks"]["Checkpoints(val/loss)"]["best_score"] == 1.0


def test_a_measure_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"monitor=val/psnr.*val/loss, val/weight"):
        train(tmp_path, monitor="val/psnr")
    assert train(tmp_path, monitor=None)


def test_leftovers_of_a_killed_save_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".step=00000002.77.ckpt").write_bytes(b"half")
    train(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_another_sharing_of_the_data_goes_on_at_the_same_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path, accumulate=3, steps=2)
    assert read(newest(tmp_path))["Numbers"]["samples"] == 12
    data = Numbers(batch_size=4)
    train(tmp_path, resume=newest(tmp_path), data=data, steps=3)
    assert data.start == 3
    assert "after 12 samples" in (told := capsys.readouterr().out)
    assert "{'batch': 2, 'workers': 1} became {'batch': 4, 'workers': 1}" in told

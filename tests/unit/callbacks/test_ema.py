"""The average against one computed by hand, in real training runs of one weight."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from humangen.callbacks.ema import Ema
from humangen.tasks.base import Task


class Weight(Task):
    """One weight that walks towards 3, and a record of what it was."""

    def __init__(self) -> None:
        super().__init__(
            optimizer=partial(torch.optim.SGD, lr=0.1),
            learning_rate=partial(torch.optim.lr_scheduler.StepLR, step_size=1000),
        )
        self.network = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.network.weight)
        self.trained: list[float] = []
        self.validated: list[float] = []

    @property
    def weight(self) -> float:
        return self.network.weight.item()

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return (self.network.weight - 3).square().sum()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        self.trained.append(self.weight)

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.validated.append(self.weight)


def by_hand(weights: list[float], decay: float = 0.999) -> list[float]:
    """The first weight, then d a + (1 - d) w with d = min(decay, (1 + n) / (10 + n))."""
    averages = weights[:1]
    for count, weight in enumerate(weights[1:], start=1):
        share = min(decay, (1 + count) / (10 + count))
        averages.append(share * averages[-1] + (1 - share) * weight)
    return averages


def trained(
    task: Weight, ema: Ema, steps: int, *, accumulate: int = 1, resume: Path | None = None, **options: Any
) -> L.Trainer:
    trainer = L.Trainer(
        accelerator="cpu", max_steps=steps, accumulate_grad_batches=accumulate, callbacks=[ema], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        num_sanity_val_steps=0, **options,
    )  # fmt: skip
    ones = DataLoader(torch.ones(100, 1))
    validation = DataLoader(torch.ones(1, 1)) if options else None
    trainer.fit(task, ones, validation, ckpt_path=resume)
    return trainer


def averaged(ema: Ema) -> float:
    return next(ema.average.module.parameters()).item()


@pytest.mark.parametrize("decay", [0.999, 0.2])
def test_the_average_of_three_steps_is_the_one_by_hand(decay: float) -> None:
    task, ema = Weight(), Ema(decay=decay)
    trained(task, ema, 3)
    assert len(task.trained) == 3
    assert averaged(ema) == pytest.approx(by_hand(task.trained, decay)[-1], rel=1e-6)
    assert averaged(ema) != pytest.approx(task.weight, rel=1e-3)


def test_an_unfinished_accumulation_is_not_averaged() -> None:
    task, ema = Weight(), Ema()
    trained(task, ema, 3, accumulate=2)
    assert len(task.trained) == 3
    assert averaged(ema) == pytest.approx(by_hand(task.trained)[-1], rel=1e-6)
    assert ema.average.n_averaged == 3


def test_validation_sees_the_average_and_training_goes_on_without() -> None:
    task, ema = Weight(), Ema()
    trained(task, ema, 3, val_check_interval=1, check_val_every_n_epoch=None)
    assert task.validated == pytest.approx(by_hand(task.trained), rel=1e-6)
    plain = Weight()
    trained(plain, Ema(), 3)
    assert task.trained == plain.trained


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_resumed_run_averages_as_an_unbroken_one(tmp_path: Path, accumulate: int) -> None:
    whole, whole_ema = Weight(), Ema()
    trained(whole, whole_ema, 4, accumulate=accumulate)
    first = trained(Weight(), Ema(), 2, accumulate=accumulate)
    first.save_checkpoint(tmp_path / "half.ckpt")
    task, ema = Weight(), Ema()
    trained(task, ema, 4, accumulate=accumulate, resume=tmp_path / "half.ckpt")
    assert task.weight == whole.weight
    assert averaged(ema) == averaged(whole_ema)
    assert ema.average.n_averaged == whole_ema.average.n_averaged == 4


def test_a_checkpoint_holds_the_average_beside_the_weights(tmp_path: Path) -> None:
    task, ema = Weight(), Ema()
    trained(task, ema, 3).save_checkpoint(tmp_path / "a.ckpt")
    content = torch.load(tmp_path / "a.ckpt", weights_only=True)
    assert content["ema"]["module.weight"].item() == averaged(ema)
    assert content["state_dict"]["network.weight"].item() == task.weight

"""A real training run whose parts take the time that they are given, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import IterableDataset

from humangen.tasks.base import Task
from humangen.types import Movable

WIDTH = 8
TAKES = {
    "data": 1.0,
    "forward": 2.0,
    "backward": 4.0,
    "optimizer": 8.0,
    "zeroing": 16.0,
    "validation": 100.0,
    "checkpoint": 1000.0,
}


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.takes = dict(TAKES)

    def spend(self, what: str) -> None:
        self.now += self.takes[what]


@dataclass
class Batch(Movable):
    keys: list[str]
    pixels: Tensor


class Batches(IterableDataset):
    """Endless batches of these sizes in turn."""

    def __init__(self, clock: Clock, sizes: tuple[int, ...]) -> None:
        self.clock, self.sizes = clock, sizes

    def __iter__(self) -> Iterator[Batch]:
        while True:
            for size in self.sizes:
                self.clock.spend("data")
                yield Batch(["key"] * size, torch.ones(size, WIDTH))


class Line(Task):
    def __init__(self, clock: Clock) -> None:
        super().__init__(
            optimizer=partial(torch.optim.SGD, lr=0.1),
            learning_rate=partial(torch.optim.lr_scheduler.StepLR, step_size=1000),
        )
        self.network = nn.Linear(WIDTH, WIDTH)
        self.clock = clock

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.clock.spend("forward")
        return self.network(batch.pixels).square().mean()

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        self.clock.spend("backward")
        super().backward(loss, *args, **kwargs)

    def optimizer_zero_grad(self, *args: Any, **kwargs: Any) -> None:
        self.clock.spend("zeroing")
        super().optimizer_zero_grad(*args, **kwargs)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        self.clock.spend("optimizer")

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.clock.spend("validation")

"""A run never stands still in silence."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from types import FrameType
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from humangen.doing import doing
from humangen.types import InputError

DATA, FORWARD, BACKWARD = "waiting for its next batch", "in the forward pass", "in the backward pass"
OPTIMIZER, VALIDATION = "in the optimiser step", "waiting for a batch to validate"
FRAMES = 6  # of the stack, where it stands


class Watchdog(Callback):
    """Where a process does one thing for a tenth of `patience` seconds, prints what, at which step and on which rank,
    and where in the program; and each further tenth, that it still does.

    It only tells. What a stage is in which nothing comes ends by itself: loader workers after `data.patience`, an
    exchange between ranks after `strategy.patience`; this then says which rank was where.
    """

    def __init__(self, *, patience: float = 600.0) -> None:
        self.every = patience / 10
        self.ended = threading.Event()  # of the watch that goes on

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        doing.enter("starting")
        self.ended = threading.Event()
        watching = (trainer, threading.get_ident(), self.ended)
        threading.Thread(target=self._watch, args=watching, name="watchdog", daemon=True).start()

    def _watch(self, trainer: L.Trainer, main: int, ended: threading.Event) -> None:
        seen, told = doing.now, 0
        while not ended.wait(self.every / 4):
            if doing.now is not seen:
                seen, told = doing.now, 0
            what, since = seen
            standing = time.monotonic() - since
            if standing < self.every * (told + 1):
                continue
            print(f"{place(trainer)} has been {what} for {standing:.0f} s", flush=True)
            if not told and (frame := sys._current_frames().get(main)):
                print(f"it is at\n{innermost(frame)}", end="", flush=True)
            told = int(standing / self.every)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.ended.set()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self.ended.set()
        what, since = doing.now
        if not isinstance(exception, InputError | KeyboardInterrupt):
            seconds = time.monotonic() - since
            print(f"{place(trainer)} failed after {seconds:.0f} s {what}: {exception}", file=sys.stderr, flush=True)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        doing.enter(DATA)

    def on_train_batch_start(self, *given: Any) -> None:
        doing.enter(FORWARD)

    def on_before_backward(self, trainer: L.Trainer, pl_module: L.LightningModule, loss: Tensor) -> None:
        doing.enter(BACKWARD)

    def on_after_backward(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        doing.enter(OPTIMIZER)

    def on_train_batch_end(self, *given: Any) -> None:
        doing.enter(DATA)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        doing.enter(VALIDATION)

    def on_validation_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        doing.enter(f"validating batch {batch_idx}")

    def on_validation_batch_end(self, *given: Any) -> None:
        doing.enter(VALIDATION)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        doing.enter(DATA)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        doing.enter("ending")


def place(trainer: L.Trainer) -> str:
    return f"step {trainer.global_step}: rank {trainer.global_rank}"


def innermost(frame: FrameType) -> str:
    """The end of a thread's stack."""
    return "".join(traceback.format_stack(frame)[-FRAMES:])

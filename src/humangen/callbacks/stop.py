"""Stopping where nothing is lost."""

from __future__ import annotations

import signal
import threading
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from humangen.doing import doing

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Stopped(KeyboardInterrupt):
    """Someone asked, and all ranks have stopped before the same batch."""


class Stop(Callback):
    """Ctrl-C, SIGTERM, and SIGUSR1, which SLURM can be told to send some time before it ends a job, stop training
    before its next batch rather than in the middle of a step; several ranks finish a validation first. The second
    signal stops at once."""

    def __init__(self) -> None:
        self.asked = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._note)  # Lightning puts back what was there when training ends

    def _note(self, number: int, frame: Any) -> None:
        self.asked = True
        signal.signal(number, signal.default_int_handler)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        with doing.during("waiting for the other ranks to have a batch"):
            stops = trainer.strategy.reduce_boolean_decision(self.asked, all=False)
        if stops:
            raise Stopped

    def on_validation_batch_start(self, trainer: L.Trainer, *args: Any) -> None:
        if self.asked and trainer.world_size == 1:  # ranks validate different numbers of batches
            raise Stopped

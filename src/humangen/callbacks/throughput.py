"""How fast training is."""

from __future__ import annotations

import time
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback


class Throughput(Callback):
    """Logs `speed/samples_per_second` (clips, all ranks) and `speed/step_seconds` over the last `every` batches;
    validation does not count."""

    def __init__(self, *, every: int = 10) -> None:
        self.every = every
        self.seconds, self.samples, self.batches = 0.0, 0, 0
        self.began = 0.0

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.began = self.began or time.perf_counter()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        self.seconds += now - self.began
        self.began = now  # the wait for the next batch counts too
        self.samples += len(batch.keys)
        self.batches += 1
        if self.batches == self.every:
            speed = self.samples * trainer.world_size / self.seconds
            pl_module.log("speed/samples_per_second", speed, prog_bar=True)
            pl_module.log("speed/step_seconds", self.seconds / self.batches)
            self.seconds, self.samples, self.batches = 0.0, 0, 0

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.began = 0.0

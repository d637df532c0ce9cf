"""An exponential moving average of the trained network, which validates, and is what inference loads."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch.optim.swa_utils import AveragedModel

from humangen.strategies import local, release, share_parameters, whole
from humangen.tasks.base import Task
from humangen.types import InputError
from humangen.zero import Zero


class Ema(Callback):
    """Averages `task.network` after every step with min(decay, (1 + n) / (10 + n)), n the steps averaged so far,
    so that the first random steps are soon forgotten; holds the place of the network in evaluation.

    Of a network that ranks share, each rank averages its share; checkpoints hold the whole average.
    """

    def __init__(self, *, decay: float = 0.999) -> None:
        self.decay = decay
        self.average: AveragedModel | None = None
        self.last_step = -1
        self.holds_place = False  # True while the averaged weights stand in the network

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if isinstance(trainer.strategy, Zero) and trainer.strategy.stage == 3:
            raise InputError(
                "no average can be kept under strategy=deepspeed_zero3, which hides the weights that it trains: take "
                "strategy=fsdp, which shares as much, deepspeed_zero2, or callbacks.ema=null"
            )
        if self.average is None:
            assert isinstance(pl_module, Task)
            self.average = AveragedModel(pl_module.network, multi_avg_fn=self._update, use_buffers=False)
            self.average.requires_grad_(False)

    @torch.no_grad()
    def _update(self, averages: Any, current: Any, num_averaged: Any) -> None:
        count = int(num_averaged)
        decay = min(self.decay, (1 + count) / (10 + count))
        torch._foreach_lerp_([local(each) for each in averages], [local(each) for each in current], 1 - decay)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Task)
        assert self.average is not None
        self.average.to(pl_module.device)
        share_parameters(self.average.module, pl_module.network)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.last_step = trainer.global_step  # after a checkpoint has set it

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step > self.last_step:  # not on the batches of an unfinished accumulation
            self.last_step = trainer.global_step
            assert isinstance(pl_module, Task)
            assert self.average is not None
            self.average.update_parameters(pl_module.network)

    def _swap(self, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Task)
        assert self.average is not None
        release(pl_module.network)
        with torch.no_grad():
            pairs = zip(self.average.module.parameters(), pl_module.network.parameters(), strict=True)
            for averaged, current in pairs:
                kept = averaged.clone()
                averaged.copy_(current)
                current.copy_(kept)
        self.holds_place = not self.holds_place

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if self.holds_place:  # or a checkpoint of the interrupted validation would hold them swapped
            self._swap(pl_module)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._swap(pl_module)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._swap(pl_module)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        assert self.average is not None
        checkpoint["ema"] = whole(self.average.state_dict())

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        assert self.average is not None
        self.average.load_state_dict(checkpoint["ema"])

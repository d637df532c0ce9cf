"""What every training task shares: one trained network, its optimiser, checkpoints that hold nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from humangen.types import InputError


class NonFiniteLoss(InputError):
    """Training stopped at a loss that is not a number; the parameters are those of the step before."""


class Task(L.LightningModule):
    """A wiring diagram around `network`, the one module that is trained and saved.

    `optimizer` maps parameters to an optimiser, `learning_rate` an optimiser to its schedule (per step).
    """

    network: nn.Module

    def __init__(
        self,
        *,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        learning_rate: Callable[[Optimizer], LRScheduler],
    ) -> None:
        super().__init__()
        self.optimizer, self.learning_rate = optimizer, learning_rate
        self.strict_loading = False  # the frozen networks are not in a checkpoint; `on_load_checkpoint` is strict

    def trainable(self) -> list[nn.Parameter]:
        """The parameters that the optimiser gets; all others must be frozen."""
        return [parameter for parameter in self.network.parameters() if parameter.requires_grad]

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer(self.trainable())
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": self.learning_rate(optimizer), "interval": "step"},
        }

    def check_finite(self, loss: Tensor, keys: list[str]) -> None:
        """Raises on every rank if any rank's loss is no number: the others would wait for one that stopped alone."""
        finite = bool(torch.isfinite(loss))
        everywhere = finite if self._trainer is None else self.trainer.strategy.reduce_boolean_decision(finite)
        if not everywhere:
            whose = f"{loss.item()} at step {self.global_step} for samples {', '.join(keys)}"
            raise NonFiniteLoss(
                f"the loss is {'no number on another rank' if finite else whose}; "
                "training stopped before it could change the parameters"
            )

    def log_skipped(self, skipped: list[str]) -> None:
        for name in skipped:
            self.print(f"skipped: {name}")
        self.log("data/skipped", float(len(skipped)), reduce_fx="sum", on_step=True)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        gradients = [parameter.grad for parameter in self.trainable() if parameter.grad is not None]
        if gradients:  # DeepSpeed keeps them to itself
            norm = nn.utils.get_total_norm(gradients)
            self.log("train/gradient_norm", norm.full_tensor() if isinstance(norm, DTensor) else norm)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        state = super().state_dict(*args, **kwargs)
        return {name: value for name, value in state.items() if name.startswith("network.")}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        stored, own = set(checkpoint["state_dict"]), set(self.state_dict())
        if stored != own:
            raise InputError(
                f"the checkpoint is of another network: {len(own - stored)} of its parameters are missing, "
                f"{len(stored - own)} are unknown, for example {sorted(stored ^ own)[0]}"
            )

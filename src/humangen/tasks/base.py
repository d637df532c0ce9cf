"""What every training task shares: one trained network, its optimiser, checkpoints that hold nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import lightning as L
import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from humangen.data.module import ShardData
from humangen.types import Drawn, InputError


def validation_of(trainer: L.Trainer) -> str:
    """What validation is on, by which its figures are named."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    return data.validation if isinstance(data, ShardData) else "val"


class NonFiniteLoss(InputError):
    """Training stopped at a loss that is not a number; the parameters are those of the step before."""


class Task(L.LightningModule):
    """A wiring diagram around `network`, the one module that is trained and saved.

    `optimizer` maps parameters to an optimiser, `learning_rate` an optimiser to its schedule (per step).
    """

    network: nn.Module
    validation_metric: ClassVar[str] = "loss"

    def __init__(
        self,
        *,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        learning_rate: Callable[[Optimizer], LRScheduler],
    ) -> None:
        super().__init__()
        self.optimizer, self.learning_rate = optimizer, learning_rate
        self.had: Counter[str] = Counter()  # samples and broken ones of each set, on this rank
        self.had_everywhere: dict[str, float] = {}
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

    def log_data(self, drawn: Drawn) -> None:
        """Names broken samples, and logs of every set what all ranks have had of it since this run began."""
        for sample in drawn.skipped:
            print(f"rank {self.global_rank} skipped: {sample}", flush=True)
        for name, count in drawn.counts.items():
            self.had[f"{name}/samples"] += count.samples
            self.had[f"{name}/skipped"] += count.skipped
        every = max(1, self.trainer.log_every_n_steps)  # type: ignore[attr-defined]
        if self.had and (self.trainer.fit_loop.total_batch_idx + 1) % every == 0:
            own = torch.tensor([*self.had.values()], device=self.device)
            everywhere = self.trainer.strategy.reduce(own, reduce_op="sum").tolist()
            self.had_everywhere = dict(zip(self.had, map(float, everywhere), strict=True))
        self.log_dict(
            self.had_everywhere | {f"{name}/epochs": float(each.epochs) for name, each in drawn.counts.items()}
        )

    def on_validation_epoch_start(self) -> None:
        self.validation_sum = torch.zeros(2, device=self.device)

    def validate(self, values: Tensor) -> None:
        """Adds a value of each sample (B,) to the mean of this validation."""
        self.validation_sum += torch.stack([values.float().sum(), values.new_tensor(len(values), dtype=torch.float)])

    def on_validation_epoch_end(self) -> None:
        """The mean over the samples of all ranks, of which some may have had none."""
        total, count = self.trainer.strategy.reduce(self.validation_sum, reduce_op="sum")
        if count:
            name = f"{validation_of(self.trainer)}/{self.validation_metric}"
            self.log(name, total / count, prog_bar=True, sync_dist=True)  # the same on all

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

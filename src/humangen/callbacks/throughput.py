"""How fast training is, where its time goes, and whether it waits for data.

Lightning has parts of it. `ThroughputMonitor` makes the host wait for the device in every batch, counts the wait for
data as work and a validation as one batch, needs to be told the FLOPs, and its table of cards is off (`flops.PEAKS`);
`DeviceStatsMonitor` logs a hundred counters a step; the profilers are for a look at a few steps (group `profiler`).
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.optim import Optimizer

from humangen.callbacks.data_bound import DataBound, Loading, cores_for_loading
from humangen.callbacks.flops import ModelFlops, peak_tflops, shapes
from humangen.callbacks.stopwatch import PHASES, HostMark, Step, Stopwatch, mark_of
from humangen.types import AnimationBatch


@dataclass(frozen=True)
class Window:
    """The steps of a time that were whole, and the most memory meanwhile."""

    steps: list[Step]
    memory_gb: float

    def seconds(self) -> dict[str, float]:
        """Of one step, by phase; there must be one."""
        splits = [step.seconds() for step in self.steps]
        return {phase: sum(split[phase] for split in splits) / len(splits) for phase in PHASES}


class Throughput(Callback):
    """Logs, over each `every` optimiser steps, of this rank unless said otherwise:

    - `speed/samples_per_second`: clips, all ranks together
    - `speed/step_seconds` of an optimiser step, the sum of `speed/data_seconds` (the wait for the next batch, its way
      to the device), `forward_seconds` (frozen networks included), `backward_seconds` (the exchange of gradients
      included) and `optimizer_seconds` (clipping and the average included); `speed/data_share`
    - `speed/tflops`: what the model needs (`ModelFlops`) a second, 10^12, counted on the first batch of each shape;
      `speed/mfu`, their share of the card's peak, where that is known
    - `speed/memory_gb`, 10^9 bytes: the most allocated on the device, or of a CPU the most resident so far, of this
      process without loader workers

    Steps that a validation, a checkpoint or the counting of FLOPs interrupts are left out. Where training waits for
    its data, a sentence says what would help.
    """

    def __init__(self, *, every: int = 10) -> None:
        self.every = every
        self.data_bound = DataBound()
        self.flops: dict[Any, int] = {}
        self.counter: ModelFlops | None = None
        self.memory_gb = 0.0  # of the whole run: the device's own record starts anew with every window
        self._forget(HostMark)

    def _forget(self, mark: Any) -> None:
        self.stopwatch = Stopwatch(mark)
        self.steps: list[Step] = []
        self.waiting: list[Window] = []  # whose marks cannot be read yet
        self.windows = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._forget(mark_of(pl_module.device))
        self.first_step = self.last_step = trainer.global_step
        name = torch.cuda.get_device_name(pl_module.device) if pl_module.device.type == "cuda" else ""
        self.peak = peak_tflops(name, str(trainer.precision))

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.stopwatch.enter("forward")
        self.shapes = shapes(batch)
        if self.shapes not in self.flops:
            self.stopwatch.interrupt()
            self.counter = ModelFlops()
            self.counter.__enter__()

    def on_before_zero_grad(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Optimizer) -> None:
        self.stopwatch.enter("optimizer")

    def on_before_backward(self, trainer: L.Trainer, pl_module: L.LightningModule, loss: Tensor) -> None:
        self.stopwatch.enter("backward")

    def on_after_backward(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.stopwatch.enter("optimizer")
        if self.counter is not None:
            self.flops[self.shapes] = self._counted()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.stopwatch.count(len(batch.keys), self.flops[self.shapes])
        if trainer.global_step == self.last_step:  # the accumulation goes on
            self.stopwatch.enter("data")
            return
        self.last_step = trainer.global_step
        if step := self.stopwatch.finish():
            self.steps.append(step)
        if (self.last_step - self.first_step) % self.every == 0:  # on all ranks at once, whatever was left out of it
            self.waiting.append(Window(self.steps, self._memory_gb(pl_module.device)))
            self.steps = []
            if len(self.waiting) > self.stopwatch.mark.lag:
                self._report(self.waiting.pop(0), trainer, pl_module, batch)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.stopwatch.interrupt()

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.stopwatch.interrupt()

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        self.stopwatch.interrupt()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if self.counter is not None:
            self._counted()

    def _counted(self) -> int:
        counter, self.counter = self.counter, None
        assert counter is not None
        counter.__exit__(None, None, None)
        return counter.total

    def _memory_gb(self, device: torch.device) -> float:
        """Since the last call, on a CUDA device."""
        if device.type == "cuda":
            found = torch.cuda.max_memory_allocated(device) / 1e9
            torch.cuda.reset_peak_memory_stats(device)
        else:
            found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        self.memory_gb = max(self.memory_gb, found)
        return found

    def _report(self, window: Window, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any) -> None:
        split = window.seconds() if window.steps else {}
        step = sum(split.values())
        share = split["data"] / step if split else 0.0
        if split:
            self._log(window, split, trainer.world_size, pl_module)
        # one rank that waits makes the others wait for it in the backward pass
        worst = float(trainer.strategy.reduce(torch.tensor(share, device=pl_module.device), reduce_op="max"))
        self.windows += 1
        if split and self.windows > 1:  # while buffers fill, everyone waits
            loading = Loading(
                workers=trainer.train_dataloader.num_workers,  # type: ignore[union-attr]
                cores=cores_for_loading(trainer.num_devices),
                could_read_latents=isinstance(batch, AnimationBatch) and batch.latents is None,
            )
            if warning := self.data_bound.warning(worst, step, loading):
                pl_module.print(warning)

    def _log(self, window: Window, split: dict[str, float], ranks: int, pl_module: L.LightningModule) -> None:
        step, count = sum(split.values()), len(window.steps)
        samples = ranks * sum(each.samples for each in window.steps) / count
        tflops = sum(each.flops for each in window.steps) / count / step / 1e12
        mfu = {"speed/mfu": tflops / self.peak} if self.peak else {}
        shown = {
            "speed/samples_per_second": samples / step,
            **mfu,
            "speed/memory_gb": window.memory_gb,
        }
        pl_module.log_dict(shown, prog_bar=True)
        phases = {f"speed/{phase}_seconds": seconds for phase, seconds in split.items()}
        share = split["data"] / step
        pl_module.log_dict({"speed/step_seconds": step, **phases, "speed/data_share": share, "speed/tflops": tflops})

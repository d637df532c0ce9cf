"""Progress on a terminal, and where there is none."""

from __future__ import annotations

import sys
import time
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar

SHOWN = {
    "train/loss": "train/loss {:.3f}",
    "val/psnr": "val/psnr {:.3f}",
    "speed/samples_per_second": "{:.3g} samples/s",
    "speed/data_share": "{:.0%} waiting for data",
    "speed/mfu": "{:.0%} of the card's peak",
    "speed/memory_gb": "{:.3g} GB",
}


def progress(*, seconds: float = 20.0) -> ProgressBar:
    """A bar where the output is a terminal, else lines."""
    return RichProgressBar() if sys.stdout.isatty() else ProgressLines(seconds=seconds)


class ProgressLines(ProgressBar):
    """A line with step, share, loss, speed and time left about every `seconds`."""

    is_enabled = False  # as a bar that others' lines would tear apart

    def __init__(self, *, seconds: float = 20.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.began = self.printed = 0.0
        self.first_step = 0

    def disable(self) -> None:
        """What Lightning asks of a bar on all ranks but the first, which have no lines."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.began = self.printed = time.perf_counter()
        self.first_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now, step, total = time.perf_counter(), trainer.global_step, trainer.max_steps
        if not trainer.is_global_zero or step == self.first_step:
            return
        if now - self.printed >= self.seconds or step == total:
            self.printed = now
            left = (now - self.began) / (step - self.first_step) * (total - step)
            metrics = trainer.callback_metrics
            shown = ", ".join(form.format(float(metrics[name])) for name, form in SHOWN.items() if name in metrics)
            print(f"step {step}/{total} ({step / total:.0%}), {shown}, {left / 60:.1f} min left", flush=True)

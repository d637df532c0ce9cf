"""Progress on a terminal, and where there is none."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar

from humangen.callbacks.stopwatch import PHASES

SHOWN = {
    "train/loss": "train/loss {:.3f}",
    "val/psnr": "val/psnr {:.3f}",
    "seen/psnr": "seen/psnr {:.3f}",
    "speed/samples_per_second": "{:.3g} samples/s",
    "speed/mfu": "{:.0%} of the card's peak",
    "speed/memory_gb": "{:.3g} GB",
}


def progress(*, seconds: float = 20.0) -> ProgressBar:
    """A bar where the output is a terminal, else lines."""
    return Bar() if sys.stdout.isatty() else ProgressLines(seconds=seconds)


def split(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Where a step's time goes: `data 1 forward 31 backward 58 optimizer 10 %`; nothing before that is known."""
    if "speed/step_seconds" not in metrics:
        return {}
    whole = float(metrics["speed/step_seconds"])
    shares = (f"{phase} {float(metrics[f'speed/{phase}_seconds']) / whole * 100:.0f}" for phase in PHASES)
    return {"step": f"{' '.join(shares)} %"}


class Bar(RichProgressBar):
    """Lightning's, with the split of a step's time."""

    def get_metrics(self, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
        return super().get_metrics(trainer, pl_module) | split(trainer.callback_metrics)


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
            shown = [form.format(float(metrics[name])) for name, form in SHOWN.items() if name in metrics]
            told = ", ".join([*shown, *split(metrics).values()])
            print(f"step {step}/{total} ({step / total:.0%}), {told}, {left / 60:.1f} min left", flush=True)

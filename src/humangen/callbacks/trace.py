"""A trace of a few training steps, to be looked at in chrome://tracing, Perfetto or TensorBoard."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch.profilers import PyTorchProfiler
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch.profiler import profile, schedule


class StepTrace(PyTorchProfiler):
    """Writes `active` steps into `folder`, one file a rank, after `wait` steps that are not looked at and `warmup`
    ones whose records are thrown away. Regions have Lightning's names (`train_dataloader_next`, `training_step`,
    `backward`, `optimizer_step`, callbacks) and those of the modules."""

    STEP_FUNCTIONS = {"training_step"}  # or a validation would be traced as well

    def __init__(self, *, folder: str, wait: int, warmup: int, active: int) -> None:
        self.needed = wait + warmup + active
        steps = schedule(wait=wait, warmup=warmup, active=active, repeat=1)
        super().__init__(dirpath=folder, filename="trace", schedule=steps)

    def _cache_functions_events(self) -> None:
        assert isinstance(self.profiler, profile)
        if self.profiler.profiler is not None:  # else nothing was looked at yet, and torch would fail
            super()._cache_functions_events()

    def summary(self) -> str:
        told = super().summary()
        if not list(Path(str(self.dirpath)).glob("*.pt.trace.json")):
            rank_zero_warn(f"no trace: it needs {self.needed} training steps; take profiler.wait=0 for a short run")
        return told

"""A trace of a few training batches, to be looked at in ui.perfetto.dev, chrome://tracing or TensorBoard."""

from __future__ import annotations

import torch
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch.autograd.profiler import record_function
from torch.profiler import schedule, tensorboard_trace_handler

BATCH = "run_training_batch"  # Lightning's name of all that it does with one


class StepTrace(Profiler):
    """Writes `active` training batches into `folder`, one file a process, after `wait` that are not looked at and
    `warmup` whose records are thrown away; a run that ends among them writes those it had. Regions have the names that
    Lightning gives the parts of its loop: `train_dataloader_next`, `training_step`, `backward`, `optimizer_step` ...

    Lightning's `PyTorchProfiler` cuts batches behind their forward pass, traces validations too, complains in every
    other batch that it is not recording, hooks each module for the whole run, and fails where that ends early.
    """

    def __init__(self, *, folder: str, wait: int, warmup: int, active: int) -> None:
        super().__init__(dirpath=folder)
        self.folder, self.before = folder, wait + warmup
        self.schedule = schedule(wait=wait, warmup=warmup, active=active, repeat=1)
        self.regions: dict[str, record_function] = {}
        self.trace: torch.profiler.profile | None = None
        self.batches = 0

    def start(self, action_name: str) -> None:
        if action_name == BATCH and self.trace is None:
            written = tensorboard_trace_handler(self.folder)
            self.trace = torch.profiler.profile(schedule=self.schedule, on_trace_ready=written)
            self.trace.start()
        self.regions[action_name] = record_function(action_name)
        self.regions[action_name].__enter__()

    def stop(self, action_name: str) -> None:
        if region := self.regions.pop(action_name, None):
            region.__exit__(None, None, None)
        if action_name == BATCH and self.trace is not None:
            self.batches += 1
            self.trace.step()

    def summary(self) -> str:
        return ""

    def teardown(self, stage: str | None) -> None:
        if self.trace is not None:
            self.trace.stop()
            self.trace = None
            if self.batches <= self.before:
                rank_zero_warn(f"no trace: the first {self.before} batches are not looked at; take profiler.wait=0")
        super().teardown(stage)

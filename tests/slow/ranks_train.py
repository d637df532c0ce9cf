"""A program for torchrun: trains a tiny network on batches made by hand, of which every rank takes its part.

python -m tests.slow.ranks_train OUTPUT OPTIONS, in JSON: those of `trained`
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from humangen import strategies, zero
from humangen.callbacks.ema import Ema
from humangen.callbacks.throughput import Throughput
from humangen.callbacks.watchdog import Watchdog
from humangen.diffusion.weighting import MinSnr
from humangen.tasks.animation import AnimationTask
from tests.unit.tiny import tiny_batch, tiny_pipeline

GLOBAL_BATCH = 4
STRATEGIES = {
    "single": lambda patience: "auto",
    "ddp": strategies.ddp,
    "fsdp": strategies.fsdp,
    "deepspeed_zero2": partial(zero.deepspeed, stage=2),
    "deepspeed_zero3": partial(zero.deepspeed, stage=3),
}


class Parts(IterableDataset):
    """This rank's part of each batch, from batch `start` on; the last rank's of batch `broken` is no number."""

    def __init__(self, start: int, stop: int, frames: int, broken: int | None = None, stalls: bool = False) -> None:
        self.start, self.stop, self.frames, self.broken, self.stalls = start, stop, frames, broken, stalls

    def __iter__(self) -> Iterator[Any]:
        rank, ranks = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        share = GLOBAL_BATCH // ranks
        for number in range(self.start, self.stop):
            keys = [f"{number}/{clip}" for clip in range(GLOBAL_BATCH)]
            batch = tiny_batch(keys[rank * share : (rank + 1) * share], self.frames)
            if number == self.broken and rank == ranks - 1:
                batch.target *= torch.nan
            if self.stalls and number == 1 and rank == ranks - 1:
                time.sleep(600)
            yield batch


class Recorded(AnimationTask):
    """Remembers the loss of every batch and validation over all ranks."""

    losses_seen: list[float]
    validated: list[float]
    stalls = False

    def over_ranks(self, loss: Tensor) -> float:
        return float(self.trainer.strategy.reduce(loss.detach().clone(), reduce_op="mean"))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.losses_seen.append(self.over_ranks(loss))
        if self.stalls and batch_idx == 1:
            loss.register_hook(lambda gradient: time.sleep(600))
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        if self.trainer.is_global_zero:  # as the pictures of the samples callback: no other rank computes with it
            self.pipeline.denoiser.prepare(self.pipeline.encode(batch)[0])
        self.validated.append(self.over_ranks(self.losses(batch, "validation")[0].mean()))


def task_of(*, parts: str, checkpointing: bool, drop_rate: float = 0.5) -> Recorded:
    task = Recorded(
        pipeline=tiny_pipeline(),
        weighting=MinSnr(gamma=5.0),
        drop_rate=drop_rate,
        trainable_parts=parts,
        seed=3,
        gradient_checkpointing=checkpointing,
        optimizer=partial(torch.optim.AdamW, lr=1e-3),
        learning_rate=partial(torch.optim.lr_scheduler.LinearLR, total_iters=10),
    )
    task.losses_seen, task.validated = [], []
    return task


def skip_compiling() -> None:
    """DeepSpeed's own exchange between CPUs takes minutes to compile; gloo does as well."""
    import deepspeed

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


def trained(
    output: Path,
    *,
    strategy: str,
    steps: int,
    precision: str = "32-true",
    accumulate: int = 1,
    parts: str = "unet",
    frames: int = 1,
    checkpointing: bool = False,
    resume: str | None = None,
    start: int = 0,
    broken: int | None = None,
    average: bool = True,
    patience: float = 1800.0,
    stalls: str | None = None,
) -> None:
    """`stalls` is what the last rank never ends at batch 1: `data` or `backward`."""
    if strategy.startswith("deepspeed"):
        skip_compiling()
    L.seed_everything(int(os.environ.get("RANK", "0")), verbose=False)  # what ranks draw by themselves must not matter
    task = task_of(parts=parts, checkpointing=checkpointing)
    speed = Throughput(every=2)
    trainer = L.Trainer(
        accelerator="cpu", devices=int(os.environ.get("WORLD_SIZE", "1")), max_steps=steps, precision=precision,
        strategy=STRATEGIES[strategy](patience=patience), gradient_clip_val=1.0, accumulate_grad_batches=accumulate,
        callbacks=[Watchdog(patience=10.0), speed, *([Ema()] if average else [])], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        val_check_interval=accumulate * max(1, steps // 2), check_val_every_n_epoch=None,
    )  # fmt: skip
    batches = DataLoader(Parts(start, 1000, frames, broken, stalls == "data"), batch_size=None)
    task.stalls = stalls == "backward" and trainer.global_rank == trainer.world_size - 1
    validation = DataLoader(Parts(1000, 1001, frames), batch_size=None)
    trainer.fit(task, batches, validation, ckpt_path=resume, weights_only=True)
    trainer.save_checkpoint(output.with_suffix(".ckpt"))
    if trainer.is_global_zero:
        flops = list(speed.flops.values())
        output.write_text(json.dumps({"losses": task.losses_seen, "validated": task.validated, "flops": flops}))


if __name__ == "__main__":
    trained(Path(sys.argv[1]), **json.loads(sys.argv[2]))

"""A program for torchrun: trains a step on shards and validates, where some ranks have fewer samples to validate on.

python -m tests.slow.ranks_validate SHARDS OUTPUT OPTIONS, in JSON: `limit`, `strategy`, `mix` (names of sets in SHARDS)
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path

import lightning as L
import torch

from humangen import strategies
from humangen.data.animation import AnimationData
from humangen.data.clips import PairSampler, WholeClipSampler
from humangen.data.framing import Framing
from humangen.data.mix import Part
from humangen.diffusion.weighting import Uniform
from humangen.tasks.animation import AnimationTask
from tests.conftest import PIXELS
from tests.unit.tiny import tiny_pipeline


def tiny_task() -> AnimationTask:
    return AnimationTask(
        pipeline=tiny_pipeline(), weighting=Uniform(), drop_rate=0.0, trainable_parts="unet", seed=0,
        optimizer=partial(torch.optim.SGD, lr=0.0), learning_rate=partial(torch.optim.lr_scheduler.StepLR, step_size=1),
    )  # fmt: skip


def main(shards: Path, output: Path, limit: int | None, strategy: str, mix: list[str]) -> None:
    L.seed_everything(0, verbose=False)
    framing = Framing(height=PIXELS, width=PIXELS)
    data = AnimationData(
        shards=str(shards), batch_size=2, eval_batch_size=2, seed=0, shuffle_buffer=2, limit=limit,
        train_sampler=PairSampler(), eval_sampler=WholeClipSampler(num_frames=1, fps=8), train_framing=framing,
        eval_framing=framing, mix={name: Part(str(shards / name)) for name in mix},
    )  # fmt: skip
    trainer = L.Trainer(
        accelerator="cpu", devices=int(os.environ.get("WORLD_SIZE", "1")), max_steps=2, logger=False,
        strategy="auto" if strategy == "single" else getattr(strategies, strategy)(), enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, val_check_interval=1,
        check_val_every_n_epoch=None, log_every_n_steps=1,
    )  # fmt: skip
    trainer.fit(tiny_task(), data)
    if trainer.is_global_zero:
        output.write_text(json.dumps({name: float(value) for name, value in trainer.callback_metrics.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), **json.loads(sys.argv[3]))

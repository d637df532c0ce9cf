"""The strategies on one CUDA device: what Lightning refuses to run elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from humangen.checkpoint import load
from tests.smoke.test_train import fit, shards  # noqa: F401

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
GPU = ["trainer=gpu", "trainer.precision=bf16-mixed", "strategy.devices=1"]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_one_file_that_loads_anywhere(strategy: str, shards: str, tmp_path: Path) -> None:  # noqa: F811
    fit(tmp_path, shards, f"strategy={strategy}", *GPU, steps=2)
    assert all(value.isfinite().all() for value in load(tmp_path).weights.values())


@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_trains_and_goes_on(stage: int, shards: str, tmp_path: Path) -> None:  # noqa: F811
    pytest.importorskip("deepspeed")
    words = [f"strategy=deepspeed_zero{stage}", *GPU, *(["callbacks.ema=null"] if stage == 3 else [])]
    for steps in (2, 3):
        fit(tmp_path, shards, "learning_rate.num_training_steps=3", *words, steps=steps)
    assert all(value.isfinite().all() for value in load(tmp_path).weights.values())

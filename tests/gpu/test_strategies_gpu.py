"""The strategies on one CUDA device: what Lightning refuses to run elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from humangen.checkpoint import load
from humangen.strategies import consolidate
from tests.smoke.test_train import fit, shards  # noqa: F401

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
GPU = ["trainer=gpu", "trainer.precision=bf16-mixed", "strategy.devices=1"]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_one_file_that_loads_anywhere(strategy: str, shards: str, tmp_path: Path) -> None:  # noqa: F811
    fit(tmp_path, shards, f"strategy={strategy}", *GPU, steps=2)
    assert all(value.isfinite().all() for value in load(tmp_path).weights.values())


@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_trains_and_its_folder_becomes_a_file(stage: int, shards: str, tmp_path: Path) -> None:  # noqa: F811
    pytest.importorskip("deepspeed")
    fit(tmp_path, shards, f"strategy=deepspeed_zero{stage}", "callbacks.ema=null", *GPU, steps=2)
    consolidate(next((tmp_path / "checkpoints").glob("step=*.ckpt")), tmp_path / "one.ckpt")
    assert load(tmp_path / "one.ckpt").weights

"""Two gloo ranks train what one process trains on the same global batches, and go on with each other's checkpoints.

Where only the order of summing differs, the network's float32 losses agree to 1e-5 and its weights, averages and
optimiser states to 1e-4 (seen: 1e-7 and 3e-6) after 20 steps of AdamW at 1e-3.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch

from humangen.checkpoint import load
from tests.slow.two_ranks import LOSS, ROOT, TORCHRUN, run, same, same_there_and_back, same_training, stored, told
from tests.smoke.test_train import TINY, fit, shards  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("alone") / "run.json", "single", steps=20)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_ranks_train_what_one_trains(strategy: str, alone: Path, tmp_path: Path) -> None:
    output = run(tmp_path / "run.json", strategy, steps=20)
    same_training(alone, output, steps=20)
    assert told(output)["flops"] == [pytest.approx(told(alone)["flops"][0] / 2, rel=1e-3)]  # but for what clips drop


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_run_goes_on_under_another_strategy(strategy: str, tmp_path: Path) -> None:
    same_there_and_back(tmp_path, strategy)


def test_frozen_parameters_of_a_shared_network_stay(tmp_path: Path) -> None:
    options = {"steps": 3, "parts": "motion", "frames": 2}
    alone, two = run(tmp_path / "one.json", "single", **options), run(tmp_path / "two.json", "fsdp", **options)
    assert told(two)["losses"] == pytest.approx(told(alone)["losses"], abs=LOSS)
    same(alone, two)


def test_half_precision_gathers_half_as_much_and_learns_the_same(tmp_path: Path) -> None:
    options = {"steps": 4, "precision": "bf16-mixed"}
    alone, two = run(tmp_path / "one.json", "single", **options), run(tmp_path / "two.json", "fsdp", **options)
    assert told(two)["losses"] == pytest.approx(told(alone)["losses"], abs=0.02)
    assert all(value.dtype == torch.float32 for value in stored(two)["state_dict"].values())


def test_a_loss_that_is_no_number_on_one_rank_stops_both(tmp_path: Path) -> None:
    words = [str(tmp_path / "run.json"), json.dumps({"strategy": "ddp", "steps": 9, "broken": 1})]
    done = subprocess.run(
        [*TORCHRUN, "-m", "tests.slow.ranks_train", *words], cwd=ROOT, timeout=900, capture_output=True, text=True
    )
    assert done.returncode
    assert "the loss is nan at step 1 for samples 1/2, 1/3" in done.stderr
    assert "no number on another rank" in done.stderr


def test_the_entry_under_torchrun(shards: str, tmp_path: Path) -> None:  # noqa: F811
    """Shards, pictures of the average, checkpoints; then on one rank."""
    words = [*TINY, shards, "max_steps=2", "learning_rate.num_training_steps=3", "strategy=fsdp", "strategy.devices=2"]
    launched = [*TORCHRUN, "train.py", *words, f"hydra.run.dir={tmp_path}/two", "trainer.val_check_interval=1"]
    subprocess.run(launched, cwd=ROOT, check=True, timeout=900)
    assert load(tmp_path / "two").weights
    fit(tmp_path / "one", shards, f"resume={tmp_path}/two", "learning_rate.num_training_steps=3", steps=3)
    assert torch.load(load(tmp_path / "one").source, weights_only=True)["global_step"] == 3

"""Two gloo ranks train what one process trains on the same global batches, and go on with each other's checkpoints.

Where only the order of summing differs, the network's float32 losses agree to 1e-5 and its weights, averages and
optimiser states to 1e-4 (seen: 1e-7 and 3e-6) after 20 steps of AdamW at 1e-3.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from humangen.checkpoint import load
from tests.smoke.test_train import TINY, fit, shards  # noqa: F401

ROOT = Path(__file__).parents[2]
LOSS, WEIGHT = 1e-5, 1e-4
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]

pytestmark = pytest.mark.slow


def run(output: Path, strategy: str, **options: Any) -> Path:
    """Trains on one rank (`single`) or on two."""
    launcher = [sys.executable] if strategy == "single" else TORCHRUN
    words = [str(output), json.dumps({"strategy": strategy, **options})]
    subprocess.run([*launcher, "-m", "tests.slow.ranks_train", *words], cwd=ROOT, check=True, timeout=900)
    return output


def told(output: Path) -> dict[str, list[float]]:
    return json.loads(output.read_text())


def stored(output: Path) -> dict[str, Any]:
    return torch.load(output.with_suffix(".ckpt"), weights_only=True)


def same(one: Path, other: Path) -> None:
    """The same network, average and optimiser, in the same layout."""
    left, right = stored(one), stored(other)
    assert left.keys() == right.keys()
    assert left["global_step"] == right["global_step"]
    for part in ("state_dict", *(["ema"] if "ema" in left else [])):
        assert list(left[part]) == list(right[part])
        for name, value in left[part].items():
            torch.testing.assert_close(right[part][name], value, atol=WEIGHT, rtol=0, msg=f"{part} {name}")
    ours, theirs = (each["optimizer_states"][0] for each in (left, right))
    assert ours["param_groups"] == theirs["param_groups"]
    assert ours["state"].keys() == theirs["state"].keys()
    for number, state in ours["state"].items():
        for name, value in state.items():
            torch.testing.assert_close(theirs["state"][number][name], value, atol=WEIGHT, rtol=0)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("alone") / "run.json", "single", steps=20)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_ranks_train_what_one_trains(strategy: str, alone: Path, tmp_path: Path) -> None:
    output = run(tmp_path / "run.json", strategy, steps=20)
    losses, expected = told(output), told(alone)
    assert len(losses["losses"]) == 20
    for kind in ("losses", "validated"):
        assert losses[kind] == pytest.approx(expected[kind], abs=LOSS)
    assert losses["flops"] == [pytest.approx(expected["flops"][0] / 2, rel=1e-3)]  # but for what clips drop
    same(alone, output)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_run_goes_on_under_another_strategy(strategy: str, tmp_path: Path) -> None:
    """With accumulation, clipping and gradient checkpointing, there and back."""
    more = {"accumulate": 2, "checkpointing": True}
    unbroken = run(tmp_path / "unbroken.json", "single", steps=6, **more)
    first = run(tmp_path / "first.json", strategy, steps=2, **more)
    second = run(tmp_path / "second.json", "single", steps=4, start=4, resume=f"{tmp_path}/first.ckpt", **more)
    third = run(tmp_path / "third.json", strategy, steps=6, start=8, resume=f"{tmp_path}/second.ckpt", **more)
    losses = [loss for part in (first, second, third) for loss in told(part)["losses"]]
    assert losses == pytest.approx(told(unbroken)["losses"], abs=LOSS)
    same(unbroken, third)


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

"""DeepSpeed on two gloo ranks: `pip install deepspeed`, else these are skipped. Nothing of it is compiled for them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch

from humangen.checkpoint import load, load_pipeline
from humangen.cli.checkpoint import tensors_of
from humangen.cli.main import main as humangen
from tests.slow.two_ranks import ROOT, TORCHRUN, WEIGHT, run, same_there_and_back, same_training, stored, told
from tests.smoke.test_train import TINY, fit, shards  # noqa: F401

pytest.importorskip("deepspeed")
pytestmark = pytest.mark.slow
STAGES = [2, 3]


def options(stage: int) -> dict[str, bool]:
    """Stage 3 keeps no average."""
    return {"average": stage == 2}


@pytest.mark.parametrize("stage", STAGES)
def test_two_ranks_train_what_one_trains(stage: int, tmp_path: Path) -> None:
    alone = run(tmp_path / "alone.json", "single", steps=20, **options(stage))
    output = run(tmp_path / "run.json", f"deepspeed_zero{stage}", steps=20, **options(stage))
    same_training(alone, output, steps=20)


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_goes_on_under_another_strategy(stage: int, tmp_path: Path) -> None:
    same_there_and_back(tmp_path, f"deepspeed_zero{stage}", **options(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_goes_on_ends_in_the_same_bits(stage: int, tmp_path: Path) -> None:
    strategy = f"deepspeed_zero{stage}"
    unbroken = run(tmp_path / "unbroken.json", strategy, steps=4, **options(stage))
    run(tmp_path / "first.json", strategy, steps=2, **options(stage))
    again = run(tmp_path / "again.json", strategy, steps=4, start=2, resume=f"{tmp_path}/first.ckpt", **options(stage))
    left, right = stored(unbroken), stored(again)
    for part in ("state_dict", "optimizer_states", *(["ema"] if stage == 2 else [])):
        ours, theirs = (dict(tensors_of(each[part])) for each in (left, right))
        assert ours
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            assert torch.equal(value, theirs[name]), f"{part} {name}"


@pytest.mark.parametrize("stage", STAGES)
def test_frozen_parameters_stay_and_half_precision_is_autocast(stage: int, tmp_path: Path) -> None:
    more = {"steps": 3, "parts": "motion", "frames": 2, "precision": "bf16-mixed", **options(stage)}
    alone = run(tmp_path / "one.json", "single", **more)
    two = run(tmp_path / "two.json", f"deepspeed_zero{stage}", **more)
    assert told(two)["losses"] == pytest.approx(told(alone)["losses"], abs=0.02)
    left, right = stored(alone)["state_dict"], stored(two)["state_dict"]
    assert list(left) == list(right)
    assert all(value.dtype == torch.float32 for value in right.values())
    frozen = [name for name in left if "motion_modules" not in name]
    assert all(torch.equal(left[name], right[name]) for name in frozen)
    assert not all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("stage", STAGES)
def test_the_entry_under_torchrun(stage: int, shards: str, tmp_path: Path) -> None:  # noqa: F811
    """Shards, pictures of validation, checkpoints; the run goes on, then on one rank, and paints."""
    words = [*TINY, shards, "learning_rate.num_training_steps=4", f"strategy=deepspeed_zero{stage}",
             "strategy.devices=2", f"hydra.run.dir={tmp_path}/two", "trainer.val_check_interval=1",
             *(["callbacks.ema=null"] if stage == 3 else [])]  # fmt: skip
    for steps in (2, 3):
        launched = [*TORCHRUN, "-m", "tests.slow.zero_entry", *words, f"max_steps={steps}"]
        subprocess.run(launched, cwd=ROOT, check=True, timeout=900)
    assert {path.name for path in (tmp_path / "two" / "checkpoints").iterdir()} >= {
        "best.ckpt", "step=00000002.ckpt", "step=00000003.ckpt"
    }  # fmt: skip
    assert load_pipeline(tmp_path / "two").denoiser
    more = ["learning_rate.num_training_steps=4", *(["callbacks.ema=null"] if stage == 3 else [])]
    fit(tmp_path / "one", shards, f"resume={tmp_path}/two", *more, steps=4)
    assert torch.load(load(tmp_path / "one").source, weights_only=True)["global_step"] == 4
    fit(tmp_path / "begun", shards, f"init={tmp_path}/two", steps=1)
    humangen(["checkpoint", "inspect", str(tmp_path / "two")])
    humangen(["dancers", "--output", str(tmp_path / "dancer")])
    humangen(["animate", "--checkpoint", str(tmp_path / "two"), "--reference", f"{tmp_path}/dancer/reference.png",
              "--poses", "dancer:7", "--output", str(tmp_path / "seven.mp4")])  # fmt: skip
    assert (tmp_path / "seven.mp4").stat().st_size


@pytest.mark.parametrize("stage", STAGES)
def test_a_folder_of_deepspeed_becomes_a_file(stage: int, tmp_path: Path) -> None:
    folder, truth = tmp_path / "folder.ckpt", tmp_path / "truth"
    words = ["-m", "tests.slow.zero_folder", str(stage), str(folder), str(truth)]
    subprocess.run([*TORCHRUN, *words], cwd=ROOT, check=True, timeout=900)
    humangen(["checkpoint", "consolidate", str(folder), "--output", str(tmp_path / "one.ckpt")])
    weights, expected = load(tmp_path / "one.ckpt").weights, torch.load(truth, weights_only=True)
    assert weights.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(weights[name], value, atol=WEIGHT, rtol=0)
    assert json.dumps(load(tmp_path / "one.ckpt").config) == '{"seed": 3}'

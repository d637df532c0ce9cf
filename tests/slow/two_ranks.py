"""What the tests of strategies have in common: programs on one or two ranks, and what is the same about their runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2]
LOSS, WEIGHT = 1e-5, 1e-4
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


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


def same_training(alone: Path, output: Path, steps: int) -> None:
    """The same losses of all steps, and the same end."""
    losses, expected = told(output), told(alone)
    assert len(losses["losses"]) == steps
    for kind in ("losses", "validated"):
        assert losses[kind] == pytest.approx(expected[kind], abs=LOSS)
    same(alone, output)


def same_there_and_back(folder: Path, strategy: str, **options: Any) -> None:
    """A run that goes on under another strategy is the unbroken one, with accumulation, clipping and gradient
    checkpointing, there and back."""
    more = {"accumulate": 2, "checkpointing": True, **options}
    unbroken = run(folder / "unbroken.json", "single", steps=6, **more)
    first = run(folder / "first.json", strategy, steps=2, **more)
    second = run(folder / "second.json", "single", steps=4, start=4, resume=f"{folder}/first.ckpt", **more)
    third = run(folder / "third.json", strategy, steps=6, start=8, resume=f"{folder}/second.ckpt", **more)
    losses = [loss for part in (first, second, third) for loss in told(part)["losses"]]
    assert losses == pytest.approx(told(unbroken)["losses"], abs=LOSS)
    same(unbroken, third)

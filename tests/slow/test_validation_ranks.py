"""Validation over ranks of which some have fewer samples than others, or none: one mean, and nobody waits for ever."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.tiny import tiny_record, write_split

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sets `one` and `two` to train on, five samples to validate on."""
    folder = tmp_path_factory.mktemp("shards")
    for name in (".", "one", "two"):
        write_split(folder / name, "train", [tiny_record(f"t{number}") for number in range(6)], per_shard=2)
    write_split(folder, "val", [tiny_record(f"v{number}" * (1 + number)) for number in range(5)], per_shard=2)
    return folder


def metrics(shards: Path, output: Path, ranks: int, limit: int | None, strategy: str = "ddp", mix: tuple = ()) -> dict:
    launcher = [sys.executable]
    if ranks > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    options = {"limit": limit, "strategy": strategy if ranks > 1 else "single", "mix": mix}
    words = [str(shards), str(output), json.dumps(options)]
    subprocess.run([*launcher, "-m", "tests.slow.ranks_validate", *words], cwd=ROOT, check=True, timeout=300)
    return json.loads(output.read_text())


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.parametrize("limit", [1, None])
def test_the_mean_is_that_of_all_samples(shards: Path, tmp_path: Path, strategy: str, limit: int | None) -> None:
    """With one sample the second rank has none; with five the first has two batches and the second one."""
    one = metrics(shards, tmp_path / "one.json", 1, limit)
    two = metrics(shards, tmp_path / "two.json", 2, limit, strategy)
    assert two["val/loss"] == pytest.approx(one["val/loss"], rel=1e-5)


def test_counts_are_of_all_ranks(shards: Path, tmp_path: Path) -> None:
    """Two steps of two samples on each of two ranks."""
    found = metrics(shards, tmp_path / "mix.json", 2, 1, mix=("one", "two"))
    assert found["data/one/samples"] + found["data/two/samples"] == 8
    assert found["data/one/skipped"] == found["data/two/skipped"] == 0
    assert found["data/one/epochs"] <= 1, "a place in the batch has one or two of the six samples in an epoch"

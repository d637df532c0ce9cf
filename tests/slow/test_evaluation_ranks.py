"""Evaluation on several ranks: the numbers of one process, and nothing painted twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data_prep.sources.dancers import DancersSource

ROOT = Path(__file__).parents[2]
CLOSE = 1e-5  # distances too: sums come in another order, and a painted pixel may round to the next level


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    DancersSource(people=1, held_out=5, height=64, width=64, num_frames=8).write(folder, workers=1)
    return folder


def scored(shards: Path, output: Path, painted: Path, ranks: int) -> dict[str, Any]:
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"] if ranks > 1 else []
    overrides = [
        "checkpoint=shipped",
        "protocol=dancers64",
        f"protocol.data.shards={shards}",
        "protocol.data.eval_sampler.num_frames=4",
        "protocol.data.eval_batch_size=2",
        f"painted={painted}",
        f"hydra.run.dir={output}",
    ]
    subprocess.run([sys.executable, *launch, "evaluate.py", *overrides], cwd=ROOT, check=True)
    return json.loads((output / "result.json").read_text())


@pytest.mark.slow
def test_ranks_give_the_numbers_of_one_process(shards: Path, tmp_path: Path) -> None:
    """Five samples in batches of two: three ranks get two, two and one."""
    one = scored(shards, tmp_path / "one", tmp_path / "painted_by_one", 1)
    for ranks in (2, 3):
        many = scored(shards, tmp_path / str(ranks), tmp_path / f"painted_by_{ranks}", ranks)
        assert many["samples"] == one["samples"] == 5
        for name in ("keys_sha256", "data_sha256", "frames_per_clip", "resolution"):
            assert many[name] == one[name]
        assert many["scores"] == pytest.approx(one["scores"], rel=CLOSE)
        for kind in ("floors", "ceilings"):
            assert many[kind].keys() == one[kind].keys()
            for row, scores in one[kind].items():
                assert many[kind][row] == pytest.approx(scores, rel=CLOSE)


@pytest.mark.slow
def test_a_second_evaluation_paints_nothing(shards: Path, tmp_path: Path) -> None:
    painted = tmp_path / "painted"
    first = scored(shards, tmp_path / "first", painted, 1)
    again = scored(shards, tmp_path / "again", painted, 1)
    assert again["scores"] == first["scores"]
    assert again["seconds_per_sample"] == first["seconds_per_sample"]

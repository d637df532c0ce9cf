"""Means by key do not depend on batches, order, repeats or ranks; intervals hold what they promise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from humangen.metrics.region import RegionScores
from humangen.metrics.samples import SampleScores, interval
from humangen.metrics.suite import FrameScores
from humangen.types import InputError

NAMES = ("psnr", "ssim", "l1", "ssim_disco", "l1_disco", "psnr_wrapped", "dtssd")
SHARES = {2: [range(10), range(0)], 3: [range(7), range(0), range(7, 10)]}


class Plain(SampleScores):
    """Scores that were made elsewhere."""

    def update(self, keys: list[str] | None, values: dict[str, torch.Tensor]) -> None:
        self.add(keys, values)


def clips(key: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Painted and true frames (1, 4, 3, 16, 24) of a key, and a figure, which every third clip lacks."""
    generator = torch.Generator().manual_seed(key)
    truth = torch.rand(1, 4, 3, 16, 24, generator=generator) * 2 - 1
    painted = truth + 0.1 * (1 + key) * torch.randn(truth.shape, generator=generator)
    figure = torch.rand(1, 4, 16, 24, generator=generator) > 0.4
    return painted, truth, figure & bool(key % 3)


def scored(keys: range, *, repeated: int | None = None) -> tuple[FrameScores, RegionScores]:
    frames, regions = FrameScores(NAMES, drift=("psnr",)), RegionScores()
    for key in [*keys, *([] if repeated is None else [repeated])]:
        painted, truth, figure = clips(key)
        frames.update(painted, truth, figure, keys=[f"clip {key}"])
        one = (painted[0, :1], truth[0, :1], figure[0, :1, None])
        regions.update(*one, worn=one[2], old=-one[1], keys=[f"clip {key}"])
    return frames, regions


def run_rank(rank: int, folder: Path) -> None:
    """One of three processes, the first two of which then work as a pair; what each knows goes to files."""
    torch.set_num_threads(1)
    for ranks in (3, 2) if rank < 2 else (3,):
        store = torch.distributed.FileStore(str(folder / f"store{ranks}"), ranks)
        torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=ranks)
        # the sampler of the last rank repeats a clip of the first
        metrics = scored(SHARES[ranks][rank], repeated=0 if rank == ranks - 1 else None)
        results = {}
        for metric in metrics:
            table = metric.table()
            known = [list(table.keys), torch.from_numpy(table.sums), torch.from_numpy(table.counts)]
            results[type(metric).__name__] = [*known, metric.compute()]
            own = sum(len(rows) for rows in metric.scores)
            assert own == len(SHARES[ranks][rank]) + (rank == ranks - 1)
        torch.save(results, folder / f"{rank}of{ranks}.pt")
        torch.distributed.destroy_process_group()


def test_ranks_know_what_one_process_knows(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    command = "import sys, pathlib; from tests.unit.metrics.test_samples import run_rank; "
    command += "run_rank(int(sys.argv[1]), pathlib.Path(sys.argv[2]))"
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    words = [[sys.executable, "-c", command, str(rank), str(tmp_path)] for rank in range(3)]
    processes = [subprocess.Popen(each, cwd=root, env=environment) for each in words]
    assert [process.wait(timeout=200) for process in processes] == [0, 0, 0]
    for metric in scored(range(10)):
        table = metric.table()
        for name in ("0of3", "1of3", "2of3", "0of2", "1of2"):
            results = torch.load(tmp_path / f"{name}.pt", weights_only=True)
            keys, sums, counts, means = results[type(metric).__name__]
            assert tuple(keys) == table.keys
            np.testing.assert_array_equal(counts.numpy(), table.counts)
            np.testing.assert_allclose(sums.numpy(), table.sums, rtol=1e-12)
            assert means == pytest.approx(metric.compute(), rel=1e-12)


def test_order_and_repeats_change_nothing() -> None:
    keys = [f"clip {key}" for key in range(6)]
    values = {"score": torch.rand(6, 3, generator=torch.Generator().manual_seed(0))}
    one, other = Plain(("score",)), Plain(("score",))
    one.update(keys, values)
    order = [3, 5, 0, 3, 1, 2, 4, 0]
    for at in order:
        other.update([keys[at]], {"score": values["score"][at : at + 1]})
    assert one.compute() == other.compute()
    np.testing.assert_array_equal(one.table().sums, other.table().sums)
    assert one.table().keys == tuple(sorted(keys))


def test_samples_without_keys_all_count() -> None:
    metric = Plain(("score",))
    for value in (1.0, 1.0, 4.0):
        metric.update(None, {"score": torch.tensor([value])})
    assert metric.compute() == {"score": 2.0}


def test_a_mean_is_over_frames_and_missing_ones_do_not_count() -> None:
    metric = Plain(("score", "other"))
    metric.update(["long"], {"score": torch.tensor([[1.0, 2.0, 3.0, float("nan")]])})
    metric.update(["short"], {"score": torch.tensor([[6.0]])})
    assert metric.compute() == {"score": 3.0}
    assert metric.table().samples() == {"long": {"score": 2.0}, "short": {"score": 6.0}}
    assert set(metric.table().intervals(metric.columns, seed=0)) == {"score"}


def test_one_sample_has_no_interval() -> None:
    metric = Plain(("score", "other"))
    metric.update(["a"], {"score": torch.tensor([[24.28, 24.0]]), "other": torch.tensor([[1.0, 2.0]])})
    assert metric.table().intervals(metric.columns, seed=0) == {}
    metric.update(["b"], {"score": torch.tensor([[25.0]])})
    assert set(metric.table().intervals(metric.columns, seed=0)) == {"score"}


def test_keys_must_fit() -> None:
    metric = Plain(("score",))
    with pytest.raises(InputError, match="2 samples were scored under 1 keys"):
        metric.update(["one"], {"score": torch.zeros(2)})
    with pytest.raises(InputError, match="a line of text"):
        metric.update(["a\nb"], {"score": torch.zeros(1)})


def test_nothing_scored_gives_nothing() -> None:
    assert Plain(("score",)).table().means() == {}
    assert RegionScores().table().keys == ()


def test_an_interval_holds_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        low, high = interval(generator.gamma(4.0, 0.25, 60), seed=seed, resamples=300, level=0.9)
        held += low <= 1 <= high
    assert 0.83 <= held / 200 <= 0.95


def test_an_interval_by_its_formula() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    low, high = interval(values, seed=0)
    error = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.05)
    assert interval(values, seed=0) == (low, high) != interval(values, seed=1)
    assert interval([*values, float("nan")], seed=0) == (low, high)
    assert interval([3.0, 3.0], seed=0) == (3.0, 3.0)
    with pytest.raises(InputError, match="needs 2 samples"):
        interval([24.28, float("nan")], seed=0)


def test_long_clips_weigh_more() -> None:
    low, high = interval([0.0, 1.0], seed=0, weights=[3, 1])
    assert (low, high) == (0.0, 1.0)
    many = np.tile([0.0, 1.0], 200)
    low, high = interval(many, seed=0, weights=np.tile([3, 1], 200))
    assert low < 0.25 < high < 0.35

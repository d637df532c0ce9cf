"""Frechet distances against closed forms and independent implementations."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from humangen.metrics.features import Extractor
from humangen.metrics.frechet import FrechetDistance, frechet_distance


class Pixels(Extractor):
    """The first pixels of a frame are its features."""

    def __init__(self, dim: int = 6) -> None:
        super().__init__("pixels", "0" * 64)
        self.dim = dim

    def network_features(self, rows: Tensor) -> Tensor:
        return rows.flatten(1)[:, : self.dim]


def clips(count: int, frames: int = 4, seed: int = 0) -> Tensor:
    return torch.rand(count, frames, 3, 4, 4, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def gaussian(dim: int, seed: int, samples: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    values = random.normal(size=(samples or 3 * dim, dim)) * np.linspace(0.2, 2, dim) + random.normal(size=dim)
    return values.mean(0), np.cov(values, rowvar=False)


def by_scipy(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    apart = ((one[0] - other[0]) ** 2).sum()
    return float(apart + np.trace(one[1]) + np.trace(other[1]) - 2 * np.trace(sqrtm(one[1] @ other[1]).real))


def ours(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    return frechet_distance(*(torch.from_numpy(np.asarray(part)) for part in (*one, *other)))


def test_gaussians_in_closed_form() -> None:
    """Where the covariances are diagonal: sum of (m - m')^2 + (s - s')^2."""
    mean, other_mean = np.array([0.0, 1.0, -2.0]), np.array([1.0, 1.0, 0.0])
    deviation, other_deviation = np.array([1.0, 0.5, 2.0]), np.array([3.0, 0.25, 2.0])
    expected = 5 + 4 + 0.0625
    assert ours((mean, np.diag(deviation**2)), (other_mean, np.diag(other_deviation**2))) == pytest.approx(expected)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned = (turn @ mean, turn @ np.diag(deviation**2) @ turn.T)
    other_turned = (turn @ other_mean, turn @ np.diag(other_deviation**2) @ turn.T)
    assert ours(turned, other_turned) == pytest.approx(expected)


@pytest.mark.parametrize("samples", [0, 20])
def test_it_is_scipys(samples: int) -> None:
    """Also where there are fewer samples than features."""
    one, other = gaussian(64, 0, samples), gaussian(64, 1, samples)
    assert ours(one, other) == pytest.approx(by_scipy(one, other), rel=1e-5)


@pytest.mark.slow
def test_2048_features_are_scipys_and_quick() -> None:
    one, other = gaussian(2048, 0), gaussian(2048, 1)
    torch.set_num_threads(2)
    try:
        began = time.process_time()
        value = ours(one, other)
        seconds = (time.process_time() - began) / 2
    finally:
        torch.set_num_threads(1)
    print(f"{seconds:.1f} s on two cores")
    assert seconds < 10
    assert value == pytest.approx(by_scipy(one, other), rel=1e-5)


def test_the_metric_is_torch_fidelitys_on_the_same_features() -> None:
    prediction, truth = clips(30), clips(20, seed=1) * 0.8
    metric = FrechetDistance(Pixels())
    for part, true in zip(prediction.split(6), truth.split(4), strict=True):
        metric.update(part, true)
    statistics = [fid_features_to_statistics(each.flatten(0, 1).flatten(1)[:, :6]) for each in (prediction, truth)]
    expected = fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
    score = metric.compute()
    assert score["value"] == pytest.approx(expected, rel=1e-5)
    assert score["samples"] == 120
    assert "note" not in score


def test_equal_sets_are_at_no_distance() -> None:
    metric = FrechetDistance(Pixels())
    metric.update(clips(10), clips(10))
    assert metric.compute()["value"] == pytest.approx(0, abs=1e-9)


def test_few_samples_are_noted() -> None:
    metric = FrechetDistance(Pixels(40))
    metric.update(clips(10), clips(10, seed=1))
    score = metric.compute()
    assert score["note"].startswith("covariance is singular: 40 samples, 40 features")
    metric = FrechetDistance(Pixels())
    metric.update(clips(1, frames=1), clips(3))
    score = metric.compute()
    assert np.isnan(score["value"])
    assert "two samples" in score["note"]


def test_an_extractor_works_once_for_metrics_that_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = Pixels()
    calls: list[Any] = []
    monkeypatch.setattr(extractor, "network_features", lambda rows: calls.append(1) or rows.flatten(1)[:, :6])
    prediction, truth = clips(2), clips(2, seed=1)
    for metric in (FrechetDistance(extractor), FrechetDistance(extractor)):
        metric.update(prediction, truth)
    assert len(calls) == 2
    prediction += 0.1  # the same tensor, other pixels
    extractor(prediction)
    assert len(calls) == 3

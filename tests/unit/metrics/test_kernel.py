"""Kernel distances against torch-fidelity, in any order, with repeats."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import kid_features_to_metric

from humangen.metrics.kernel import KernelDistance, discrepancy, subset_discrepancies
from tests.unit.metrics.test_frechet import Pixels, clips


def features(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 24, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * (1 + 0.1 * seed)


def test_subsets_are_torch_fidelitys() -> None:
    one, other = features(90, 0), features(70, 1)
    expected = kid_features_to_metric(
        one, other, kid_subsets=100, kid_subset_size=40, rng_seed=2020, verbose=False, kid_kernel="poly",
        kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1,
    )  # fmt: skip
    values = subset_discrepancies(one, other, size=40)
    assert np.mean(values) == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-9)
    assert np.std(values) == pytest.approx(expected["kernel_inception_distance_std"], rel=1e-9)


def test_it_is_unbiased() -> None:
    """Over many draws from one distribution the mean is 0, which that of a biased estimator is not."""
    values = [discrepancy(features(12, 0)[chosen], features(12, 0)[rest])
              for seed in range(400)
              for chosen, rest in [np.split(np.random.default_rng(seed).permutation(12), 2)]]  # fmt: skip
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


def test_order_batches_and_repeats_change_nothing() -> None:
    prediction, truth = clips(8), clips(8, seed=1)
    keys = [f"clip {number}" for number in range(8)]
    whole, parts = KernelDistance(Pixels()), KernelDistance(Pixels())
    whole.update(prediction, truth, keys=keys)
    for number in (5, 1, 0, 7, 2, 3, 6, 4, 4):
        chosen = slice(number, number + 1)
        parts.update(prediction[chosen], truth[chosen], keys=keys[chosen])
    assert whole.compute() == parts.compute()
    assert whole.compute()["samples"] == 32
    assert whole.compute()["value"] == pytest.approx(
        discrepancy(*(each.flatten(0, 1).flatten(1)[:, :6].double() for each in (prediction, truth)))
    )


def test_a_single_sample_has_no_distance() -> None:
    metric = KernelDistance(Pixels())
    metric.update(clips(1, frames=1), clips(1, frames=1), keys=["one"])
    assert np.isnan(metric.compute()["value"])

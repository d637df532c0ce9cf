"""Scores against independent implementations, and their independence of batches and of what lies outside."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from humangen.metrics.image import absolute_error_map, mean_over, psnr, ssim_map
from humangen.metrics.suite import FrameScores


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(4, 2, 3, 32, 40, generator=generator)
    return (truth + 0.1 * torch.randn(truth.shape, generator=generator)).clamp(0, 1), truth


def gaussian(image: np.ndarray) -> np.ndarray:
    """The window of Wang et al.: 11 taps of sigma 1.5, mirrored at the border."""
    taps = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    for axis in (0, 1):
        image = correlate1d(image, taps / taps.sum(), axis=axis, mode="mirror")
    return image


def ssim_by_hand(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    mean_one, mean_other = gaussian(one), gaussian(other)
    variance_one = gaussian(one * one) - mean_one**2
    variance_other = gaussian(other * other) - mean_other**2
    covariance = gaussian(one * other) - mean_one * mean_other
    return ((2 * mean_one * mean_other + 0.01**2) * (2 * covariance + 0.03**2)) / (
        (mean_one**2 + mean_other**2 + 0.01**2) * (variance_one + variance_other + 0.03**2)
    )


def test_ssim_equals_a_hand_written_one(pair) -> None:
    prediction, truth = pair
    expected = np.mean(
        [ssim_by_hand(prediction[1, 1, c].double().numpy(), truth[1, 1, c].double().numpy()) for c in range(3)], axis=0
    )
    np.testing.assert_allclose(ssim_map(prediction, truth)[1, 1].numpy(), expected, rtol=1e-6, atol=1e-12)


def test_psnr_and_l1_by_their_formulas(pair) -> None:
    prediction, truth = (each.double().numpy() for each in pair)
    expected = 10 * np.log10(1 / ((prediction - truth) ** 2).mean((-3, -2, -1)))
    np.testing.assert_allclose(psnr(*pair).numpy(), expected, rtol=1e-9)
    expected = np.abs(prediction - truth).mean((-3, -2, -1))
    np.testing.assert_allclose(mean_over(absolute_error_map(*pair)).numpy(), expected, rtol=1e-9)


def test_a_region_ignores_the_outside(pair) -> None:
    prediction, truth = pair
    region = torch.zeros(4, 2, 32, 40, dtype=torch.bool)
    region[..., 4:20, 6:30] = True
    changed = torch.where(region[:, :, None], prediction, torch.rand(prediction.shape))
    assert torch.equal(psnr(prediction, truth, region), psnr(changed, truth, region))
    assert not torch.equal(psnr(prediction, truth), psnr(changed, truth))


def test_scores_do_not_depend_on_batches(pair) -> None:
    prediction, truth = (each * 2 - 1 for each in pair)
    figure = torch.rand(4, 2, 32, 40) > 0.5
    whole, parts = FrameScores(), FrameScores()
    whole.update(prediction, truth, figure)
    for clip in range(4):
        parts.update(prediction[clip : clip + 1], truth[clip : clip + 1], figure[clip : clip + 1])
    assert whole.compute() == parts.compute()
    assert set(whole.compute()) == {f"{name}{suffix}" for name in ("psnr", "ssim", "l1") for suffix in ("", "_figure")}


def test_a_frame_without_a_figure_has_no_score_inside_it(pair) -> None:
    prediction, truth = (each * 2 - 1 for each in pair)
    figure = torch.rand(4, 2, 32, 40) > 0.5
    figure[0, 1] = False
    with_it, without = FrameScores(), FrameScores()
    with_it.update(prediction, truth, figure)
    without.update(prediction[1:], truth[1:], figure[1:])
    without.update(prediction[:1, :1], truth[:1, :1], figure[:1, :1])
    assert with_it.compute()["psnr_figure"] == pytest.approx(without.compute()["psnr_figure"], rel=1e-12)
    nowhere = FrameScores()
    nowhere.update(prediction, truth, torch.zeros_like(figure))
    assert set(nowhere.compute()) == {"psnr", "ssim", "l1"}


def test_equal_pictures_are_perfect(pair) -> None:
    _, truth = pair
    scores = FrameScores()
    scores.update(truth * 2 - 1, truth * 2 - 1, None)
    assert scores.compute() == pytest.approx({"psnr": 100.0, "ssim": 1.0, "l1": 0.0})

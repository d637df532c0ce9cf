"""Per-frame picture metrics. Pictures are float (..., 3, H, W) in [0, 1]; a region is bool (..., H, W).

Each function gives one value per picture, so that any mean over frames is exact and independent of batches.
"""

from __future__ import annotations

from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure


def _mean(values: Tensor, region: Tensor | None) -> Tensor:
    """Mean over the pixels of `region` (all if None) of `values` (..., H, W)."""
    if region is None:
        return values.mean((-2, -1))
    return (values * region).sum((-2, -1)) / region.sum((-2, -1)).clamp(min=1)


def psnr(prediction: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB of the mean squared error over pixels and channels; 100 for equal pictures."""
    error = _mean((prediction.double() - truth.double()).square().mean(-3), region)
    return -10 * error.clamp(min=1e-10).log10()


def l1(prediction: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean absolute difference, in [0, 1]."""
    return _mean((prediction.double() - truth.double()).abs().mean(-3), region)


def ssim(prediction: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """Structural similarity (Wang et al. 2004): RGB, Gaussian window 11 of sigma 1.5, K 0.01 and 0.03."""
    lead = prediction.shape[:-3]
    _, similarity = structural_similarity_index_measure(
        prediction.double().flatten(0, -4),
        truth.double().flatten(0, -4),
        data_range=1.0,
        reduction="none",
        return_full_image=True,
    )
    return _mean(similarity.mean(-3).unflatten(0, lead), region)

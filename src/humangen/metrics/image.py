"""Per-frame picture metrics. Pictures are float (..., 3, H, W) in [0, 1]; a region is bool (..., H, W).

Each metric is a map of per-pixel values, its mean over the frame or a region, and a scale: one value per picture,
so that any mean over frames is exact and independent of batches.
"""

from __future__ import annotations

from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure


def eight_bit(pixels: Tensor) -> Tensor:
    """Pixels in [-1, 1] as a picture file keeps them: rounded (as `media.to_uint8`) to 1/255, float64 in [0, 1].

    A score of these is the same whether a picture went through a file or not.
    """
    return ((pixels.detach().float().clamp(-1, 1) + 1) * 127.5).round().double() / 255


def squared_error_map(prediction: Tensor, truth: Tensor) -> Tensor:
    """Squared difference, mean over the channels (..., H, W)."""
    return (prediction.double() - truth.double()).square().mean(-3)


def absolute_error_map(prediction: Tensor, truth: Tensor) -> Tensor:
    """Absolute difference, mean over the channels (..., H, W)."""
    return (prediction.double() - truth.double()).abs().mean(-3)


def ssim_map(prediction: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of each pixel's surroundings (Wang et al. 2004), mean over RGB (..., H, W): Gaussian
    window 11 of sigma 1.5, K 0.01 and 0.03."""
    _, similarity = structural_similarity_index_measure(
        prediction.float().flatten(0, -4),
        truth.float().flatten(0, -4),
        data_range=1.0,
        reduction="none",
        return_full_image=True,
    )
    return similarity.mean(-3).unflatten(0, prediction.shape[:-3]).double()


def mean_over(values: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean over the pixels of `region`, of the whole frame if None, of a map (..., H, W); nan where it is empty."""
    if region is None:
        return values.mean((-2, -1))
    return (values * region).sum((-2, -1)) / region.sum((-2, -1))


def decibels(mean_squared_error: Tensor) -> Tensor:
    """Peak signal-to-noise ratio for pixels in [0, 1]; 100 dB for equal pictures."""
    return -10 * mean_squared_error.clamp(min=1e-10).log10()


def psnr(prediction: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB, one value per picture."""
    return decibels(mean_over(squared_error_map(prediction, truth), region))

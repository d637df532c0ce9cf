"""The denoising loss."""

from __future__ import annotations

from torch import Tensor

# how much a cell outside the region counts, one inside counting 1
OUTSIDE_WEIGHTS = {"region": 0.0, "weighted": 0.25, "whole": 1.0}


def squared_error(
    prediction: Tensor,
    target: Tensor,
    region: Tensor | None = None,
    outside_weight: float = 0.0,
    costs: Tensor | None = None,
) -> Tensor:
    """Mean squared error per clip (K,) of tensors (K, F, C, h, w), in float32 whatever they are; `costs` (C,) say how
    much each channel counts.

    With a `region` M (K, 1, 1, h, w) a weighted mean, of weights W = M + `outside_weight` (1 - M):
    sum(W e^2) / (C sum W), 0 where there is nothing to weigh. So every clip counts alike, however large its region.
    """
    error = (prediction.float() - target.float()).square()
    if costs is not None:
        error = error * costs[:, None, None]
    if region is None:
        return error.flatten(1).mean(1)
    inside = region.float()
    weight = (inside + outside_weight * (1 - inside)).expand_as(error)
    return (error * weight).flatten(1).sum(1) / weight.flatten(1).sum(1).clamp(min=1)


def absolute_error(picture: Tensor, truth: Tensor, region: Tensor) -> Tensor:
    """Mean absolute error per picture (K,) of pixels (K, 3, H, W) where `region` (K, 1, H, W) is True, in float32."""
    weight = region.float().expand_as(truth)
    return ((picture.float() - truth).abs() * weight).flatten(1).sum(1) / weight.flatten(1).sum(1).clamp(min=1)


def noise_bands(timestep: Tensor, losses: Tensor, *, num_timesteps: int = 1000, bands: int = 4) -> dict[str, Tensor]:
    """Mean loss of each band of timesteps that occurs, named by its borders."""
    width = num_timesteps // bands
    band = timestep // width
    return {
        f"{index * width:03d}-{(index + 1) * width - 1:03d}": losses[band == index].mean()
        for index in band.unique().tolist()
    }

"""The denoising loss."""

from __future__ import annotations

from torch import Tensor


def squared_error(prediction: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean squared error per clip (K,) of tensors (K, F, C, h, w), in float32 whatever they are; over the cells of
    `region` (K, 1, 1, h, w) alone if one is given: sum(M e^2) / (C sum M), 0 where it is empty."""
    error = (prediction.float() - target.float()).square()
    if region is None:
        return error.flatten(1).mean(1)
    weight = region.float().expand_as(error)
    return (error * weight).flatten(1).sum(1) / weight.flatten(1).sum(1).clamp(min=1)


def noise_bands(timestep: Tensor, losses: Tensor, *, num_timesteps: int = 1000, bands: int = 4) -> dict[str, Tensor]:
    """Mean loss of each band of timesteps that occurs, named by its borders."""
    width = num_timesteps // bands
    band = timestep // width
    return {
        f"{index * width:03d}-{(index + 1) * width - 1:03d}": losses[band == index].mean()
        for index in band.unique().tolist()
    }

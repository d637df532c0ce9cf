"""The denoising loss."""

from __future__ import annotations

from torch import Tensor


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error per clip (K,) of tensors (K, F, C, h, w), in float32 whatever they are."""
    return (prediction.float() - target.float()).square().flatten(1).mean(1)


def noise_bands(timestep: Tensor, losses: Tensor, *, num_timesteps: int = 1000, bands: int = 4) -> dict[str, Tensor]:
    """Mean loss of each band of timesteps that occurs, named by its borders."""
    width = num_timesteps // bands
    band = timestep // width
    return {
        f"{index * width:03d}-{(index + 1) * width - 1:03d}": losses[band == index].mean()
        for index in band.unique().tolist()
    }

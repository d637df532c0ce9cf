"""Painting inside a region alone. A region is 1 where it is to be painted and 0 outside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

AddNoise = Callable[[Tensor], Tensor]  # clean latents to noisy ones, at one timestep and with one noise


def latent_region(region: Tensor, downscale: int, dilation: int = 0) -> Tensor:
    """A region of pixels (K, 1, H, W) on the grid of the latents (K, 1, 1, h, w), grown by `dilation` cells: a cell of
    which one pixel is to be painted is to be painted, so that no masked pixel is ever kept."""
    cells = max_pool2d(region.float(), downscale)
    if dilation:
        cells = max_pool2d(cells, 2 * dilation + 1, stride=1, padding=dilation)
    return cells.unsqueeze(1)


def keep_outside(inside: Tensor, outside: Tensor, region: Tensor) -> Tensor:
    """x M + z (1 - M): the latents `outside` around those `inside` (K, F, C, h, w)."""
    return inside * region + outside * (1 - region)


class Outside(ABC):
    """What is around the region while its inside is noisy, at every step of training and of sampling alike."""

    @abstractmethod
    def around(self, noisy: Tensor, outside: Tensor, region: Tensor, add_noise: AddNoise) -> Tensor:
        """What the network sees where `noisy` (K, F, C, h, w) is to be painted and `outside` is known."""

    def painted(self, region: Tensor) -> Tensor:
        """What is to be painted where a `region` (K, 1, 1, h, w) is asked for: 1 there."""
        return region


class CleanOutside(Outside):
    """The known latents as they are: z_t M + z_0 (1 - M), SCD's try-on."""

    def around(self, noisy: Tensor, outside: Tensor, region: Tensor, add_noise: AddNoise) -> Tensor:
        return keep_outside(noisy, outside, region)


class NoisedOutside(Outside):
    """The known latents, as noisy as the inside (OOTDiffusion's sampling, RePaint)."""

    def around(self, noisy: Tensor, outside: Tensor, region: Tensor, add_noise: AddNoise) -> Tensor:
        return keep_outside(noisy, add_noise(outside), region)


class FreeOutside(Outside):
    """Nothing of what is known: all is painted, and only an inpainting U-Net is told what was there (CatVTON)."""

    def around(self, noisy: Tensor, outside: Tensor, region: Tensor, add_noise: AddNoise) -> Tensor:
        return noisy

    def painted(self, region: Tensor) -> Tensor:
        return torch.ones_like(region)


OUTSIDES: dict[str, Outside] = {"clean": CleanOutside(), "noised": NoisedOutside(), "none": FreeOutside()}

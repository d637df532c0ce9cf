"""Noise only where it is to be painted. A region is 1 there and 0 outside."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import max_pool2d


def latent_region(region: Tensor, downscale: int) -> Tensor:
    """A region of pixels (K, 1, H, W) on the grid of the latents (K, 1, 1, h, w): a cell of which one pixel is to be
    painted is to be painted, so that no masked pixel is ever kept."""
    return max_pool2d(region.float(), downscale).unsqueeze(1)


def keep_outside(noisy: Tensor, outside: Tensor, region: Tensor) -> Tensor:
    """z_t M + z_0 (1 - M): the clean `outside` around the noisy inside (K, F, C, h, w)."""
    return noisy * region + outside * (1 - region)

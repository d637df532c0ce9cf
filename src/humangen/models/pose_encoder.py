"""From a drawn pose to features on the latent grid."""

from __future__ import annotations

import math

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from torch import Tensor, nn


class PoseEncoder(ModelMixin, ConfigMixin):
    """ControlNet's conditioning stem (3 -> width channels, one latent cell per 8 pixels), zero at the start.

    `position_frequencies` > 0 adds a learned map of that many Fourier frequencies of each cell's place in the
    picture, so that a small network without pretrained knowledge can find "the same place" in the reference.
    """

    @register_to_config
    def __init__(
        self, *, width: int, channels: tuple[int, ...] = (16, 32, 96, 256), position_frequencies: int = 0
    ) -> None:
        super().__init__()
        self.stem = ControlNetConditioningEmbedding(width, block_out_channels=tuple(channels))
        self.position_frequencies = position_frequencies
        if position_frequencies:
            self.position = nn.Conv2d(4 * position_frequencies, width, kernel_size=1)

    def forward(self, pose: Tensor) -> Tensor:
        """`pose` (R, 3, H, W) in [0, 1] -> features (R, width, H/8, W/8) in the type of the weights."""
        features = self.stem(pose.to(self.stem.conv_in.weight.dtype))
        if not self.position_frequencies:
            return features
        return features + self.position(fourier_grid(features, self.position_frequencies))


def fourier_grid(like: Tensor, frequencies: int) -> Tensor:
    """sin and cos of pi * k * (y, x), k = 1 .. 2^(frequencies-1) by octaves, y and x in [0, 1]: (1, 4k, h, w)."""
    height, width = like.shape[-2:]
    axes = torch.meshgrid(
        (torch.arange(height, device=like.device) + 0.5) / height,
        (torch.arange(width, device=like.device) + 0.5) / width,
        indexing="ij",
    )
    waves = [math.pi * 2**octave * axis for octave in range(frequencies) for axis in axes]
    return torch.stack([f(wave) for wave in waves for f in (torch.sin, torch.cos)])[None].to(like.dtype)

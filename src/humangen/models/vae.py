"""The latent codec: pictures to latents and back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from humangen.types import InputError


class LatentCodec(nn.Module):
    """An `AutoencoderKL`; one with 3 p^2 input channels works on pictures folded into p x p blocks.

    Folding lets a small codec do all its work on a coarse grid, which is what a CPU is fast at. Latents are
    scaled to unit variance by the autoencoder's `scaling_factor`.
    """

    def __init__(self, autoencoder: AutoencoderKL) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.patch = math.isqrt(autoencoder.config.in_channels // 3)

    @classmethod
    def from_config(cls, **config: Any) -> LatentCodec:
        return cls(AutoencoderKL(**config))

    @property
    def downscale(self) -> int:
        """Pixels per latent cell, along one side."""
        return self.patch * 2 ** (len(self.autoencoder.config.block_out_channels) - 1)

    @property
    def channels(self) -> int:
        """C of the latents."""
        return self.autoencoder.config.latent_channels

    def posterior(self, pixels: Tensor) -> Any:
        """The diagonal Gaussian over unscaled latents of `pixels` (B, 3, H, W) in [-1, 1]."""
        if pixels.shape[-2] % self.downscale or pixels.shape[-1] % self.downscale:
            raise InputError(
                f"pictures are {pixels.shape[-2]}x{pixels.shape[-1]}, but the codec needs "
                f"both sides to be multiples of {self.downscale}"
            )
        return self.autoencoder.encode(pixel_unshuffle(pixels, self.patch)).latent_dist

    def reconstruct(self, latents: Tensor) -> Tensor:
        """Pixels (B, 3, H, W), not clamped, of unscaled latents (B, C, h, w)."""
        return pixel_shuffle(self.autoencoder.decode(latents).sample, self.patch)

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        """Scaled latents (B, C, h, w), the posterior's mean, of `pixels` (B, 3, H, W) in [-1, 1]."""
        return self.posterior(pixels).mean * self.autoencoder.config.scaling_factor

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) in [-1, 1] of scaled latents (B, C, h, w)."""
        return self.reconstruct(latents / self.autoencoder.config.scaling_factor).clamp(-1, 1)


def load_codec(folder: str | Path) -> LatentCodec:
    """A frozen codec from a diffusers autoencoder folder."""
    if not (Path(folder) / "config.json").is_file():
        raise InputError(f"no autoencoder in {folder}: config.json is not there")
    autoencoder = AutoencoderKL.from_pretrained(folder, local_files_only=True)
    return LatentCodec(autoencoder.requires_grad_(False).eval())

"""Stable Diffusion's autoencoder as a codec."""

from __future__ import annotations

import math
from pathlib import Path

from diffusers import AutoencoderKL
from torch import Tensor

from humangen.models.codec import Codec
from humangen.types import InputError


class LatentCodec(Codec):
    """`AutoencoderKL`; latents are its own times its `scaling_factor`."""

    def __init__(self, autoencoder: AutoencoderKL) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.downscale = 2 ** (len(autoencoder.config.block_out_channels) - 1)
        self.channels = autoencoder.config.latent_channels

    @classmethod
    def from_folder(cls, folder: str | Path) -> LatentCodec:
        """From a diffusers autoencoder folder."""
        if not (Path(folder) / "config.json").is_file():
            raise InputError(f"no autoencoder in {folder}: config.json is not there")
        return cls(AutoencoderKL.from_pretrained(folder, local_files_only=True))

    def analyse(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        found, factor = self.autoencoder.encode(pixels).latent_dist, self.autoencoder.config.scaling_factor
        return found.mean * factor, found.logvar + 2 * math.log(factor)

    def synthesise(self, latents: Tensor) -> Tensor:
        return self.autoencoder.decode(latents / self.autoencoder.config.scaling_factor).sample

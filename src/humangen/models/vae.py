"""Stable Diffusion's autoencoders as codecs."""

from __future__ import annotations

import math
import re
from pathlib import Path

from diffusers import AutoencoderKL, AutoencoderTiny
from torch import Tensor

from humangen.models.codec import Codec
from humangen.models.loading import check_fit
from humangen.models.weights import part_folder, read_config, read_weights, weights_file

# the attention layer's names in folders of before 2023, such as sd-vae-ft-mse
OLD_ATTENTION = re.compile(r"(mid_block\.attentions\.\d+)\.(query|key|value|proj_attn)\.")
ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


class LatentCodec(Codec):
    """`AutoencoderKL`; latents are its own times its `scaling_factor`."""

    def __init__(self, autoencoder: AutoencoderKL) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.downscale = 2 ** (len(autoencoder.config.block_out_channels) - 1)
        self.channels = autoencoder.config.latent_channels

    @classmethod
    def from_folder(cls, folder: str | Path) -> LatentCodec:
        """From a diffusers folder, that of the autoencoder or that of a pipeline with a `vae`, or a hub id.

        Raises `InputError` where its weights do not match in every name and shape.
        """
        place = part_folder(folder, "vae")
        autoencoder = AutoencoderKL.from_config(read_config(place, "AutoencoderKL"))
        file = weights_file(place)
        weights = {current_name(name): value for name, value in read_weights(file).items()}
        check_fit("vae", autoencoder.state_dict(), weights, file, "model.vae=FOLDER or HUB ID")
        autoencoder.load_state_dict(weights)
        return cls(autoencoder)

    def analyse(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        found, factor = self.autoencoder.encode(pixels).latent_dist, self.autoencoder.config.scaling_factor
        return found.mean * factor, found.logvar + 2 * math.log(factor)

    def synthesise(self, latents: Tensor) -> Tensor:
        return self.autoencoder.decode(latents / self.autoencoder.config.scaling_factor).sample


class PreviewCodec(Codec):
    """`AutoencoderTiny` (TAESD, madebyollin/taesd): a fast and rough stand-in for Stable Diffusion's autoencoder, with
    latents of the same scale."""

    def __init__(self, autoencoder: AutoencoderTiny) -> None:
        super().__init__()
        self.autoencoder = autoencoder.requires_grad_(False).eval()
        self.downscale = 2 ** (len(autoencoder.config.decoder_block_out_channels) - 1)
        self.channels = autoencoder.config.latent_channels

    @classmethod
    def from_folder(cls, folder: str | Path) -> PreviewCodec:
        """From a diffusers folder or a hub id; raises `InputError` where its weights do not match in every name and
        shape."""
        place = part_folder(folder, "taesd")
        autoencoder = AutoencoderTiny.from_config(read_config(place, "AutoencoderTiny"))
        file = weights_file(place)
        weights = read_weights(file)
        check_fit("preview", autoencoder.state_dict(), weights, file, "--preview FOLDER or HUB ID")
        autoencoder.load_state_dict(weights)
        return cls(autoencoder)

    def analyse(self, pixels: Tensor) -> tuple[Tensor, None]:
        return self.autoencoder.encode(pixels).latents, None

    def synthesise(self, latents: Tensor) -> Tensor:
        return self.autoencoder.decode(latents).sample


def current_name(name: str) -> str:
    """A parameter's name in today's diffusers."""
    return OLD_ATTENTION.sub(lambda found: f"{found[1]}.{ATTENTION[found[2]]}.", name)

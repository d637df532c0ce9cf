"""Latent codecs: pictures to latents and back; and the one that ships with the dancers."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from diffusers import ModelMixin
from diffusers.models.autoencoders.vae import Decoder
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from humangen.types import InputError

AT_ONCE = 8  # pictures; a codec needs more memory for each than the denoiser does


def in_chunks(rows: Tensor) -> Sequence[Tensor]:
    """The frames of clips, or their latents (N, ...), as few at a time as a codec is to be given."""
    return rows.split(AT_ONCE)


def weights_hash(module: nn.Module) -> str:
    """sha256 over the names and bytes of a module's parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def exactly(values: Tensor) -> AbstractContextManager[object]:
    """Outside of the autocast that a training may be in: frozen networks compute there as they do in inference."""
    kind = values.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


class Codec(nn.Module, ABC):
    """Pictures (B, 3, H, W) in [-1, 1] to latents (B, C, h, w) of about unit variance, and back, in the type that they
    come in; it is computed in that of the weights.

    `downscale` is the number of pixels per latent cell along one side, `channels` is C.
    """

    downscale: int
    channels: int

    @property
    def costs(self) -> Tensor:
        """(C,), of mean 1: what an error in each channel costs in squared errors of pixels, where that is known."""
        raise InputError(
            f"what the channels of a {type(self).__name__} cost in pixels is not known: take loss_space=latents"
        )

    def encode(self, pixels: Tensor) -> Tensor:
        """The latents of a picture: the mean of their distribution, without noise."""
        return self.posterior(pixels)[0]

    @torch.no_grad()
    def posterior(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mean and log variance of the latents' normal distribution; no variance where a picture has one code."""
        if pixels.shape[-2] % self.downscale or pixels.shape[-1] % self.downscale:
            raise InputError(
                f"pictures are {pixels.shape[-2]}x{pixels.shape[-1]}, but the codec needs both sides to be "
                f"multiples of {self.downscale}"
            )
        with exactly(pixels):
            mean, logvar = self.analyse(pixels.to(self._precision))
        return mean.to(pixels.dtype), None if logvar is None else logvar.to(pixels.dtype)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        with exactly(latents):
            return self.synthesise(latents.to(self._precision)).clamp(-1, 1).to(latents.dtype)

    def round_trip(self, pixels: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) as they come back, however many they are."""
        return torch.cat([self.decode(self.encode(chunk)) for chunk in in_chunks(pixels)])

    @property
    def _precision(self) -> torch.dtype:
        return next(self.parameters()).dtype

    @abstractmethod
    def analyse(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]: ...

    @abstractmethod
    def synthesise(self, latents: Tensor) -> Tensor: ...


class PatchCodec(Codec, ModelMixin):
    """A codec that a CPU trains in minutes: principal components of 8x8 patches, and a network that refines them.

    Encoding is linear: the first `channels` components of each patch, each divided by the square root of its
    standard deviation, which lies half way between keeping the energies of pixels and whitening. Decoding adds
    to the linear inverse what a small convolutional decoder has learned that the components leave out.
    """

    mean: Tensor
    components: Tensor
    scale: Tensor
    downscale = 8
    fold = 4  # the refinement paints 4x4 blocks on a grid of twice the latents' resolution

    def __init__(self, *, channels: int = 32, widths: tuple[int, int] = (64, 96), groups: int = 16) -> None:
        super().__init__()
        self.channels = channels
        self.options = {"channels": channels, "widths": list(widths), "groups": groups}
        values = 3 * self.downscale**2
        self.register_buffer("mean", torch.zeros(values))
        self.register_buffer("components", torch.zeros(values, channels))
        self.register_buffer("scale", torch.ones(channels))
        self.refinement = Decoder(
            in_channels=channels,
            out_channels=3 * self.fold**2,
            up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
            block_out_channels=tuple(widths),
            layers_per_block=1,
            norm_num_groups=groups,
            mid_block_add_attention=False,
        )
        nn.init.zeros_(self.refinement.conv_out.weight)
        nn.init.zeros_(self.refinement.conv_out.bias)

    @property
    def costs(self) -> Tensor:
        costs = self.scale**-2
        return costs / costs.mean()

    def analyse(self, pixels: Tensor) -> tuple[Tensor, None]:
        patches = pixel_unshuffle(pixels, self.downscale).movedim(1, -1)
        return ((patches - self.mean) @ self.components * self.scale).movedim(-1, 1), None

    def synthesise(self, latents: Tensor) -> Tensor:
        patches = (latents.movedim(1, -1) / self.scale) @ self.components.T + self.mean
        linear = pixel_shuffle(patches.movedim(-1, 1), self.downscale)
        return linear + pixel_shuffle(self.refinement(latents), self.fold)

    @torch.no_grad()
    def fit_components(self, pictures: Iterable[Tensor]) -> None:
        """Sets the linear part from pictures (B, 3, H, W) in [-1, 1]."""
        patches = torch.cat(
            [pixel_unshuffle(each, self.downscale).movedim(1, -1).flatten(0, 2).double() for each in pictures]
        )
        mean = patches.mean(0)
        variances, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
        deviations = variances.flip(0)[: self.channels].clamp(min=1e-8).sqrt()
        self.mean.copy_(mean)
        self.components.copy_(vectors.flip(1)[:, : self.channels])
        self.scale.copy_(deviations**-0.5 / deviations.mean().sqrt())

    def save(self, folder: str | Path, dtype: torch.dtype = torch.float16) -> None:
        """Writes the weights, in half precision unless told, and the constructor's options."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        weights = {name: value.to(dtype).contiguous() for name, value in self.state_dict().items()}
        save_file(weights, Path(folder) / "codec.safetensors")
        (Path(folder) / "codec.json").write_text(json.dumps(self.options, indent=1) + "\n")

    @classmethod
    def from_folder(cls, folder: str | Path) -> PatchCodec:
        options = Path(folder) / "codec.json"
        if not options.is_file():
            raise InputError(f"no codec in {folder}: codec.json is not there")
        codec = cls(**json.loads(options.read_text()))
        codec.load_state_dict(load_file(Path(folder) / "codec.safetensors"))
        return codec

    def save_pretrained(self, save_directory: str | Path, **_: Any) -> None:
        """`save` as diffusers calls it, in the precision it has."""
        self.save(save_directory, self.scale.dtype)

    @classmethod
    def from_pretrained(cls, path: str | Path, torch_dtype: torch.dtype | None = None, **_: Any) -> PatchCodec:
        """`from_folder` as diffusers calls it."""
        codec = cls.from_folder(path).eval()
        return nn.Module.to(codec, torch_dtype) if torch_dtype else codec

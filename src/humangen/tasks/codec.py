"""Training a latent codec from scratch."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from humangen.diffusion.noise import keyed_generator
from humangen.models.codec import PatchCodec
from humangen.tasks.base import Task
from humangen.types import PictureBatch


class CodecTask(Task):
    """Fits the linear part to the first `num_fit_batches`, then trains the refinement on absolute and squared
    error. Latents get Gaussian noise of `noise` standard deviations, so that decoding forgives a denoiser."""

    network: PatchCodec
    validation_metric = "psnr"

    def __init__(self, *, codec: PatchCodec, num_fit_batches: int, noise: float, seed: int, **optimisation: Any):
        super().__init__(**optimisation)
        self.network = codec
        self.num_fit_batches, self.noise, self.seed = num_fit_batches, noise, seed

    def on_fit_start(self) -> None:
        if not self.trainer.ckpt_path:
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            batches = itertools.islice(data.batches(data.train_dataloader()), self.num_fit_batches)
            self.network.fit_components(batch.pixels for batch in batches)

    def error(self, pixels: Tensor, noise: float) -> Tensor:
        """The reconstruction's difference from `pixels` (B, 3, H, W)."""
        latents = self.network.encode(pixels)
        generator = keyed_generator(self.seed, self.global_step)
        spread = torch.randn(latents.shape, generator=generator).to(latents)
        return self.network.synthesise(latents + noise * spread).float() - pixels

    def training_step(self, batch: PictureBatch, batch_idx: int) -> Tensor:
        error = self.error(batch.pixels, self.noise)
        loss = error.abs().mean() + 4 * error.square().mean()
        self.check_finite(loss, batch.keys)
        self.log_dict({"train/loss": loss, "train/psnr": psnr_of(error).mean()}, prog_bar=True)
        self.log_data(batch.drawn)
        return loss

    def validation_step(self, batch: PictureBatch, batch_idx: int) -> None:
        self.validate(psnr_of(self.error(batch.pixels, 0.0)))


def psnr_of(error: Tensor) -> Tensor:
    """PSNR in dB per picture (B,) of a difference of pixels in [-1, 1]."""
    return -10 * (error.detach().square().flatten(1).mean(1) / 4).log10()

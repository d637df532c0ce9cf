"""Training a latent codec from scratch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from humangen.models.vae import LatentCodec
from humangen.tasks.base import Task
from humangen.types import PictureBatch


class CodecTask(Task):
    """Reconstruction (mean absolute and squared error) with a small pull of the posterior to the unit Gaussian.

    The scale that gives latents unit variance is measured as an exponential average while training.
    """

    def __init__(self, *, codec: LatentCodec, kl_weight: float, **optimisation: Any) -> None:
        super().__init__(**optimisation)
        self.network = codec
        self.kl_weight = kl_weight
        self.register_buffer("latent_variance", torch.ones(()))

    def training_step(self, batch: PictureBatch, batch_idx: int) -> Tensor:
        posterior = self.network.posterior(batch.pixels)
        error = self.network.reconstruct(posterior.sample()).float() - batch.pixels
        kl = posterior.kl().mean() / posterior.mean[0].numel()
        loss = error.abs().mean() + 2 * error.square().mean() + self.kl_weight * kl
        self.check_finite(loss, batch.keys)
        self.latent_variance.lerp_(posterior.mean.detach().float().var(), 0.01)
        psnr = -10 * (error.detach().square().mean() / 4).log10()
        self.log_dict({"train/loss": loss, "train/psnr": psnr, "train/kl": kl}, prog_bar=True)
        self.log_skipped(batch.skipped)
        return loss

    def validation_step(self, batch: PictureBatch, batch_idx: int) -> None:
        decoded = self.network.reconstruct(self.network.posterior(batch.pixels).mode()).clamp(-1, 1)
        mean_squared = (decoded.float() - batch.pixels).square().flatten(1).mean(1) / 4
        psnr = (-10 * mean_squared.log10()).mean()
        self.log("val/psnr", psnr, prog_bar=True, batch_size=len(batch.pixels), sync_dist=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["scaling_factor"] = self.latent_variance.rsqrt().item()

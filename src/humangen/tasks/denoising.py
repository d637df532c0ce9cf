"""Training a denoiser."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from humangen.diffusion.guidance import drop_reference
from humangen.diffusion.loss import noise_bands, squared_error
from humangen.diffusion.noise import keyed_generator
from humangen.diffusion.weighting import Weighting
from humangen.models.parts import train_only
from humangen.models.pipeline import Pipeline
from humangen.tasks.base import Task
from humangen.types import Condition, InputError, Reference

Batch = TypeVar("Batch")


@dataclass
class Exercise:
    """Clips to denoise: clean latents (K, F, C, h, w), their condition and references."""

    keys: list[str]
    clean: Tensor
    condition: Condition
    reference: Reference


@dataclass(frozen=True)
class Attempt:
    """What the network made (K, F, C, h, w) of `noisy` latents at `timestep` (K,), and what it should have."""

    noisy: Tensor
    timestep: Tensor
    prediction: Tensor
    target: Tensor


class DenoisingTask(Task, Generic[Batch]):
    """Noise, predict, compare; `trainable_parts` is one of `models.parts`.

    `drop_rate` is the share of clips that learn without their reference. `noise_offset` adds that much of one more
    number to each channel's noise, so that a clip's brightness is learned as well (Guttenberg 2023). Timestep, noise
    and drop of a clip depend on (`seed`, step, key) alone, not on the batch or the rank it comes in.
    In `loss_space` `pixels` a channel of the latents counts by what its errors cost there.
    `gradient_checkpointing` computes activations again in the backward pass instead of holding them.
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        weighting: Weighting,
        drop_rate: float,
        trainable_parts: str,
        seed: int,
        noise_offset: float = 0.0,
        loss_space: str = "latents",
        gradient_checkpointing: bool = False,
        **optimisation: Any,
    ) -> None:
        super().__init__(**optimisation)
        self.pipeline = pipeline
        self.network = pipeline.denoiser
        self.weighting, self.drop_rate, self.noise_offset, self.seed = weighting, drop_rate, noise_offset, seed
        train_only(self.network, trainable_parts)
        if loss_space not in ("latents", "pixels"):
            raise InputError(f"no loss_space {loss_space!r}; there are latents, pixels")
        self.costs = pipeline.codec.costs if loss_space == "pixels" else None
        if gradient_checkpointing:
            self.network.unet.enable_gradient_checkpointing()

    @abstractmethod
    def prepare(self, batch: Batch) -> Exercise:
        """What is to be denoised of a batch, and what the network is told."""

    def losses(self, batch: Batch, step: object) -> tuple[Tensor, Tensor]:
        """Unweighted loss and timestep of each clip (K,)."""
        given = self.prepare(batch)
        clean, condition = given.clean, given.condition
        timestep, noise, present = self.draw(given.keys, clean, step)
        if self.drop_rate:
            condition = drop_reference(condition, self.pipeline.null_tokens(condition), present)
        noisy = self.add_noise(clean, noise, timestep, condition)
        prediction = self.network(noisy, timestep, condition, given.reference)
        target = self.pipeline.schedule.target(clean, noise, timestep)
        return self.error(Attempt(noisy, timestep, prediction, target), given), timestep

    def add_noise(self, clean: Tensor, noise: Tensor, timestep: Tensor, condition: Condition) -> Tensor:
        """What the network is shown (K, F, C, h, w)."""
        return self.pipeline.schedule.add_noise(clean, noise, timestep)

    def error(self, attempt: Attempt, given: Exercise) -> Tensor:
        """How far the prediction of each clip is from what it should be (K,)."""
        return squared_error(attempt.prediction, attempt.target, costs=self.channel_costs(attempt.prediction))

    def channel_costs(self, like: Tensor) -> Tensor | None:
        return None if self.costs is None else self.costs.to(like.device)

    def draw(self, keys: list[str], clean: Tensor, step: object) -> tuple[Tensor, Tensor, Tensor]:
        """Timesteps (K,), noise like `clean`, and which clips keep their reference (K,)."""
        generators = [keyed_generator(self.seed, step, key) for key in keys]
        timestep = torch.cat([self.pipeline.schedule.draw(1, generator) for generator in generators])
        present = torch.cat([torch.rand(1, generator=generator) for generator in generators]) >= self.drop_rate
        noise = torch.stack([torch.randn(clean.shape[1:], generator=generator) for generator in generators])
        if self.noise_offset:
            channels = [torch.randn(clean.shape[2], generator=generator) for generator in generators]
            noise += self.noise_offset * torch.stack(channels)[:, None, :, None, None]
        return timestep.to(clean.device), noise.to(clean), present.to(clean.device)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        losses, timestep = self.losses(batch, self.global_step)
        loss = (self.weighting(self.pipeline.schedule.snr(timestep)) * losses).mean()
        self.check_finite(loss, batch.keys)
        count = len(losses)
        self.log("train/loss", loss, prog_bar=True, batch_size=count)
        for band, value in noise_bands(timestep, losses.detach()).items():
            self.log(f"train/loss_{band}", value, batch_size=count)
        self.log_data(batch.drawn)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        losses, _ = self.losses(batch, "validation")
        self.validate(losses)

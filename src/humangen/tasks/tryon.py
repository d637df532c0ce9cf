"""Virtual try-on: a person, a garment and a region, to the person wearing the garment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from humangen.diffusion.loss import OUTSIDE_WEIGHTS, absolute_error, squared_error
from humangen.models.tryon import TryOnPipeline
from humangen.tasks.denoising import Attempt, DenoisingTask, Exercise
from humangen.types import Condition, InputError, TryOnBatch


@dataclass
class Dressing(Exercise):
    """People to dress: `batch` are the pictures that the latents are of."""

    batch: TryOnBatch


class TryOnTask(DenoisingTask[TryOnBatch]):
    """Learns from people and the garments they wear: the garment is the reference, and the noise is in the region.

    `loss` says where the error counts: in the `region` alone, `whole`, or `weighted`, a little outside as well.
    `picture_loss` adds so much of the mean absolute error of the region's pixels in [-1, 1], of the clean latents that
    a prediction stands for, decoded (as DCI-VTON does): colours come out truer, and every step has to be decoded.
    """

    pipeline: TryOnPipeline

    def __init__(self, *, loss: str = "region", picture_loss: float = 0.0, **shared: Any) -> None:
        super().__init__(**shared)
        if loss not in OUTSIDE_WEIGHTS:
            raise InputError(f"no loss {loss!r}; there are {', '.join(OUTSIDE_WEIGHTS)}")
        self.outside_weight, self.picture_loss = OUTSIDE_WEIGHTS[loss], picture_loss

    def prepare(self, batch: TryOnBatch) -> Dressing:
        garment = self.pipeline.encode_garment(batch.garment)
        condition = self.pipeline.dressing(batch, garment)
        return Dressing(batch.keys, self.pipeline.goal(batch, condition), condition, garment, batch)

    def add_noise(self, clean: Tensor, noise: Tensor, timestep: Tensor, condition: Condition) -> Tensor:
        noisy = super().add_noise(clean, noise, timestep, condition)
        return self.pipeline.around(noisy, condition, noise, timestep)

    def error(self, attempt: Attempt, given: Exercise) -> Tensor:
        assert isinstance(given, Dressing)
        costs, region = self.channel_costs(attempt.prediction), given.condition.region
        errors = squared_error(attempt.prediction, attempt.target, region, self.outside_weight, costs)
        if not self.picture_loss:
            return errors
        clean = self.pipeline.schedule.clean(attempt.noisy, attempt.prediction, attempt.timestep)
        kept = self.pipeline.around(clean, given.condition, clean, None)
        picture = self.pipeline.codec.synthesise(kept[:, 0])
        return errors + self.picture_loss * absolute_error(picture, given.batch.person, given.batch.region)

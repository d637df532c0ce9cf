"""Virtual try-on: a person, a garment and a region, to the person wearing the garment."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from humangen.diffusion.loss import OUTSIDE_WEIGHTS, squared_error
from humangen.models.tryon import TryOnPipeline
from humangen.tasks.denoising import DenoisingTask, Exercise
from humangen.types import Condition, InputError, TryOnBatch


class TryOnTask(DenoisingTask[TryOnBatch]):
    """Learns from people and the garments they wear: the garment is the reference, and the noise is in the region.

    `loss` says where the error counts: in the `region` alone, `whole`, or `weighted`, a little outside as well.
    """

    pipeline: TryOnPipeline

    def __init__(self, *, loss: str = "region", **shared: Any) -> None:
        super().__init__(**shared)
        if loss not in OUTSIDE_WEIGHTS:
            raise InputError(f"no loss {loss!r}; there are {', '.join(OUTSIDE_WEIGHTS)}")
        self.outside_weight = OUTSIDE_WEIGHTS[loss]

    def prepare(self, batch: TryOnBatch) -> Exercise:
        garment = self.pipeline.encode_garment(batch.garment)
        condition = self.pipeline.dressing(batch, garment)
        return Exercise(batch.keys, self.pipeline.goal(batch, condition), condition, garment)

    def add_noise(self, clean: Tensor, noise: Tensor, timestep: Tensor, condition: Condition) -> Tensor:
        noisy = super().add_noise(clean, noise, timestep, condition)
        return self.pipeline.around(noisy, condition, noise, timestep)

    def error(self, prediction: Tensor, target: Tensor, condition: Condition) -> Tensor:
        costs = self.channel_costs(prediction)
        return squared_error(prediction, target, condition.region, self.outside_weight, costs)

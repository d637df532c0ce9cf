"""Animation: a person's picture and poses, to the person in those poses."""

from __future__ import annotations

from torch import Tensor

from humangen.tasks.denoising import DenoisingTask
from humangen.types import AnimationBatch, Condition, Reference


class AnimationTask(DenoisingTask[AnimationBatch]):
    """Learns from pairs (stage 1) or clips (stage 2) of the same person."""

    def prepare(self, batch: AnimationBatch) -> tuple[list[str], Tensor, Condition, Reference]:
        reference, clean = self.pipeline.encode(batch)
        condition = self.pipeline.condition(reference, batch.target_pose)
        return batch.keys, clean, condition, reference

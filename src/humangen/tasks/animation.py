"""Animation: a person's picture and poses, to the person in those poses."""

from __future__ import annotations

from humangen.tasks.denoising import DenoisingTask, Exercise
from humangen.types import AnimationBatch


class AnimationTask(DenoisingTask[AnimationBatch]):
    """Learns from pairs (stage 1) or clips (stage 2) of the same person."""

    def prepare(self, batch: AnimationBatch) -> Exercise:
        reference, clean = self.pipeline.encode(batch)
        condition = self.pipeline.condition(reference, batch.target_pose)
        return Exercise(batch.keys, clean, condition, reference)

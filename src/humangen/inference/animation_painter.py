"""Painting animation batches."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from humangen.inference.animate import animate
from humangen.inference.painter import Painter
from humangen.media import contact_sheet, to_uint8
from humangen.metrics.protocols import repeat_reference
from humangen.models.pipeline import Pipeline
from humangen.types import AnimationBatch, Condition, Reference

SHOWN = 8  # frames of a clip on a sheet


class AnimationPainter(Painter[AnimationBatch, Pipeline]):
    """The people of the references in the poses of the clips."""

    def paint(self, batch: AnimationBatch) -> Tensor:
        return self._animate(batch, self.pipeline.encode_reference(batch.reference, batch.reference_pose))

    def paint_isolated(self, batch: AnimationBatch) -> Tensor:
        return self._animate(batch, None)

    def sheet(self, painted: Tensor, batch: AnimationBatch) -> np.ndarray:
        """Rows: the reference and painted frames, above the true ones."""
        references = to_uint8(repeat_reference(batch)[:, 0])
        frames, truth = to_uint8(painted[:, :SHOWN]), to_uint8(batch.target[:, :SHOWN])
        return contact_sheet(
            [
                row
                for picture, clip, true in zip(references, frames, truth, strict=True)
                for row in ([picture, *clip], [np.full_like(picture, 255), *true])
            ]
        )

    def _animate(self, batch: AnimationBatch, reference: Reference | None) -> Tensor:
        tokens = self.pipeline.image_encoder.null(len(batch.target)).to(batch.target)
        condition = Condition(batch.target_pose, tokens)
        if reference is not None:
            condition = self.pipeline.condition(reference, batch.target_pose)
        return animate(
            self.pipeline,
            reference,
            condition,
            keys=batch.keys,
            sampler=self.sampler,
            guidance=self.guidance,
            seed=self.seed,
        )

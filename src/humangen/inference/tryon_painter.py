"""Painting try-on batches."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import Tensor

from humangen.inference.painter import Painter
from humangen.inference.tryon import inpaint, try_on
from humangen.media import contact_sheet, to_uint8
from humangen.metrics.protocols import tryon_pictures
from humangen.models.pipeline import Pipeline
from humangen.models.tryon import TryOnPipeline
from humangen.types import TryOnBatch


class TryOnPainter(Painter[TryOnBatch, TryOnPipeline]):
    """The people of a batch in its garments."""

    needs: ClassVar[type[Pipeline]] = TryOnPipeline

    def paint(self, batch: TryOnBatch) -> Tensor:
        return try_on(self.pipeline, batch, sampler=self.sampler, guidance=self.guidance, seed=self.seed)[:, None]

    def paint_isolated(self, batch: TryOnBatch) -> Tensor:
        condition = self.pipeline.dressing(batch, None)
        return inpaint(self.pipeline, None, condition, keys=batch.keys, sampler=self.sampler, seed=self.seed)[:, None]

    def sheet(self, painted: Tensor, batch: TryOnBatch) -> np.ndarray:
        """Columns: person, what is left of her, garment, painted and, where it is known, truth."""
        columns = [to_uint8(clips[:, 0]) for clips in tryon_pictures({"painted": painted}, batch).values()]
        return contact_sheet(list(zip(*columns, strict=True)))

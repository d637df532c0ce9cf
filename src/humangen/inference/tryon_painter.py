"""Painting try-on batches."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from torch import Tensor

from humangen.inference.painter import Painter
from humangen.inference.tryon import inpaint, try_on
from humangen.media import contact_sheet, to_uint8, write_picture
from humangen.metrics.protocols import blanked
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
        columns = self._pictures({"painted": painted}, batch)
        return contact_sheet(list(zip(*map(to_uint8, columns.values()), strict=True)))

    def keep(self, paintings: dict[str, Tensor], batch: TryOnBatch, folder: Path) -> None:
        for name, pixels in self._pictures(paintings, batch).items():
            for key, picture in zip(batch.keys, to_uint8(pixels), strict=True):
                write_picture(folder / key / f"{name}.png", picture)

    def _pictures(self, paintings: dict[str, Tensor], batch: TryOnBatch) -> dict[str, Tensor]:
        """What is to be seen of each person, (K, 3, H, W) each."""
        garments = batch.garment.repeat_interleave(len(batch.person) // len(batch.garment), dim=0)
        pictures = {"person": batch.person, "left": blanked(batch), "garment": garments}
        pictures |= {name: pixels[:, 0] for name, pixels in paintings.items()}
        return pictures if batch.truth is None else pictures | {"truth": batch.truth}

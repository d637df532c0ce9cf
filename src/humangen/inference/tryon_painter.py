"""Painting try-on batches, and the floors they are measured against."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from humangen.inference.painter import Painter
from humangen.inference.tryon import inpaint, try_on
from humangen.media import contact_sheet, to_uint8, write_picture
from humangen.metrics.region import RegionScores
from humangen.metrics.samples import SampleScores
from humangen.models.pipeline import Pipeline
from humangen.models.tryon import TryOnPipeline
from humangen.types import InputError, TryOnBatch


class TryOnPainter(Painter[TryOnBatch, TryOnPipeline]):
    """The people of a batch in its garments. `painted` is all that the network painted, its variant `hard` has the
    person's own pixels around the region."""

    needs: ClassVar[type[Pipeline]] = TryOnPipeline
    floors: ClassVar[tuple[str, ...]] = ("isolated", "grey", "identity")
    ceilings: ClassVar[tuple[str, ...]] = ("codec",)

    def paint(self, batch: TryOnBatch) -> Tensor:
        return try_on(self.pipeline, batch, sampler=self.sampler, guidance=self.guidance, seed=self.seed)[:, None]

    def paint_isolated(self, batch: TryOnBatch) -> Tensor:
        condition = self.pipeline.dressing(batch, None)
        return inpaint(self.pipeline, None, condition, keys=batch.keys, sampler=self.sampler, seed=self.seed)[:, None]

    def truth(self, batch: TryOnBatch) -> Tensor:
        if batch.truth is None:
            raise InputError("nobody knows these people in these garments: score them in order=paired")
        return batch.truth[:, None]

    def bounds(self, batch: TryOnBatch) -> dict[str, Tensor]:
        return {"grey": blanked(batch)[:, None], "identity": batch.person[:, None], "codec": self.round_trip(batch)}

    def variants(self, painted: Tensor, batch: TryOnBatch) -> dict[str, Tensor]:
        return {"hard": torch.where(batch.region, painted[:, 0], batch.person)[:, None]}

    def scores(self) -> SampleScores:
        return RegionScores()

    def compare(self, scores: SampleScores, painted: Tensor, batch: TryOnBatch) -> None:
        truth = self.truth(batch)[:, 0]
        scores.update(painted[:, 0], truth, batch.region, batch.worn, batch.person, keys=batch.keys)

    def sheet(self, painted: Tensor, batch: TryOnBatch, count: int) -> np.ndarray:
        """Columns: person, what is left of her, garment, painted and, where it is known, truth."""
        columns = self._pictures(batch) | {"painted": painted[:, 0]}
        if batch.truth is not None:
            columns["truth"] = batch.truth
        return contact_sheet(list(zip(*(to_uint8(column[:count]) for column in columns.values()), strict=True)))

    def keep(self, batch: TryOnBatch, folder: Path, *, count: int = 6) -> None:
        """Person, what is left of her, garment, painted, isolated and, where it is known, truth."""
        pictures = self._pictures(batch)
        for name, painted in (("painted", self.paint(batch)), ("isolated", self.paint_isolated(batch))):
            pictures[name] = self.variants(painted, batch)["hard"][:, 0]
        if batch.truth is not None:
            pictures["truth"] = batch.truth
        for sample, key in enumerate(batch.keys[:count]):
            for name, pixels in pictures.items():
                write_picture(folder / key / f"{name}.png", to_uint8(pixels[sample]))

    def _pictures(self, batch: TryOnBatch) -> dict[str, Tensor]:
        return {"person": batch.person, "left": blanked(batch), "garment": batch.garment}


def blanked(batch: TryOnBatch) -> Tensor:
    """Floor: the person with the region grey (K, 3, H, W)."""
    return batch.person.masked_fill(batch.region, 0.0)

"""Painting animation batches, and the floors they are measured against."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from torch import Tensor

from humangen.inference.animate import animate
from humangen.inference.painter import Painter
from humangen.media import contact_sheet, gif, replacing, to_uint8, write_picture
from humangen.metrics.samples import SampleScores
from humangen.metrics.suite import FrameScores
from humangen.models.pipeline import Pipeline
from humangen.types import AnimationBatch, Condition, Reference

SHOWN = 8  # frames of a clip on a sheet
FPS = 4.0


class AnimationPainter(Painter[AnimationBatch, Pipeline]):
    """The people of the references in the poses of the clips."""

    floors: ClassVar[tuple[str, ...]] = ("isolated", "repeat_reference")
    ceilings: ClassVar[tuple[str, ...]] = ("codec",)

    def paint(self, batch: AnimationBatch) -> Tensor:
        reference = self.pipeline.encode_reference(batch.reference, batch.reference_pose)
        return self._animate(batch, reference)

    def paint_isolated(self, batch: AnimationBatch) -> Tensor:
        return self._animate(batch, None)

    def truth(self, batch: AnimationBatch) -> Tensor:
        return batch.target

    def bounds(self, batch: AnimationBatch) -> dict[str, Tensor]:
        return {"repeat_reference": repeat_reference(batch), "codec": self.round_trip(batch)}

    def scores(self) -> SampleScores:
        return FrameScores()

    def compare(self, scores: SampleScores, painted: Tensor, batch: AnimationBatch) -> None:
        scores.update(painted, batch.target, batch.figure, keys=batch.keys)

    def sheet(self, painted: Tensor, batch: AnimationBatch, count: int) -> np.ndarray:
        """Rows: the reference and painted frames, above the true ones."""
        count = min(count, len(painted))
        references = to_uint8(repeat_reference(batch)[:count, 0])
        frames, truth = to_uint8(painted[:count, :SHOWN]), to_uint8(batch.target[:count, :SHOWN])
        return contact_sheet(
            [
                row
                for picture, clip, true in zip(references, frames, truth, strict=True)
                for row in ([picture, *clip], [np.full_like(picture, 255), *true])
            ]
        )

    def keep(self, batch: AnimationBatch, folder: Path, *, count: int = 6) -> None:
        """The reference, and GIFs of poses, painted, isolated and true frames."""
        moving = {
            "poses": batch.target_pose * 2 - 1,
            "painted": self.paint(batch),
            "isolated": self.paint_isolated(batch),
            "truth": batch.target,
        }
        references = repeat_reference(batch)
        for clip, key in enumerate(batch.keys[:count]):
            write_picture(folder / key / "reference.png", to_uint8(references[clip, 0]))
            for name, pixels in moving.items():
                with replacing(folder / key / f"{name}.gif") as temporary:
                    temporary.write_bytes(gif(to_uint8(pixels[clip]), FPS))

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


def repeat_reference(batch: AnimationBatch) -> Tensor:
    """Floor: the reference picture, whatever the pose."""
    clips = batch.reference.repeat_interleave(len(batch.target) // len(batch.reference), dim=0)
    return clips[:, None].expand_as(batch.target)

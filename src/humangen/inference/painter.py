"""Painting the clips of a batch: by a pipeline, and by the floors and the ceiling it is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.inference.animate import animate
from humangen.media import gif, replacing, to_uint8, write_picture
from humangen.models.pipeline import Pipeline
from humangen.types import AnimationBatch, Condition, Reference


@dataclass(frozen=True)
class Painter:
    """A pipeline and how it is sampled."""

    pipeline: Pipeline
    sampler: Sampler
    guidance: float = 1.0
    seed: int = 0

    @property
    def device(self) -> torch.device:
        return next(self.pipeline.denoiser.parameters()).device

    def paint(self, batch: AnimationBatch) -> Tensor:
        """The batch's clips (K, F, 3, H, W) in [-1, 1], painted from its references."""
        reference = self.pipeline.encode_reference(batch.reference, batch.reference_pose)
        return self._animate(batch, reference)

    def paint_isolated(self, batch: AnimationBatch) -> Tensor:
        """Floor: the same weights under scheme `isolated`."""
        return self._animate(batch, None)

    def round_trip(self, batch: AnimationBatch) -> Tensor:
        """Ceiling: the truth through the codec and back."""
        latents = self.pipeline.encode_clips(batch.target)
        return self.pipeline.codec.decode(latents.flatten(0, 1)).view_as(batch.target)

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


def keep_clips(painter: Painter, batch: AnimationBatch, folder: Path, *, count: int = 6, fps: float = 4.0) -> None:
    """Writes, for the first `count` clips, the reference and GIFs of poses, painted, isolated and true frames."""
    count = min(count, len(batch.target))
    share = len(batch.target) // len(batch.reference)
    moving = {
        "poses": batch.target_pose * 2 - 1,
        "painted": painter.paint(batch),
        "isolated": painter.paint_isolated(batch),
        "truth": batch.target,
    }
    for clip in range(count):
        own = folder / batch.keys[clip]
        write_picture(own / "reference.png", to_uint8(batch.reference[clip // share]))
        for name, pixels in moving.items():
            with replacing(own / f"{name}.gif") as temporary:
                temporary.write_bytes(gif(to_uint8(pixels[clip]), fps))

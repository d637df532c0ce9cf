"""What the network paints while it learns: pictures and a moving clip in TensorBoard, from fixed seeds."""

from __future__ import annotations

import io
from typing import Any

import lightning as L
import numpy as np
from lightning.pytorch.callbacks import Callback
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary

from humangen.diffusion.sample import Sampler
from humangen.inference.painter import Painter
from humangen.media import contact_sheet, gif, to_uint8
from humangen.metrics.image import psnr
from humangen.tasks.denoising import DenoisingTask
from humangen.types import AnimationBatch


class Samples(Callback):
    """At each validation, animates the first `count` clips of the first validation batch and logs a sheet
    (rows: reference, then painted above true frames), one clip as a GIF, and the PSNR."""

    def __init__(self, *, sampler: Sampler, count: int = 4, fps: float = 8.0) -> None:
        self.sampler, self.count, self.fps = sampler, count, fps

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: AnimationBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if batch_idx or trainer.sanity_checking or not trainer.is_global_zero:
            return
        assert isinstance(pl_module, DenoisingTask)
        batch = first_samples(batch, self.count)
        painted = Painter(pl_module.pipeline, self.sampler).paint(batch)
        pl_module.log("val/psnr", psnr((painted + 1) / 2, (batch.target + 1) / 2).mean(), prog_bar=True)
        frames, truth = to_uint8(painted), to_uint8(batch.target)
        references = to_uint8(batch.reference).repeat(len(frames) // len(batch.reference), axis=0)
        rows = [
            row
            for picture, clip, true in zip(references, frames, truth, strict=True)
            for row in ([picture, *clip[:8]], [np.full_like(picture, 255), *true[:8]])
        ]
        self._show(trainer, "val/samples", _png(contact_sheet(rows)))
        if frames.shape[1] > 1:
            both = np.concatenate([frames[0], truth[0]], axis=2)
            self._show(trainer, "val/clip", gif(both, self.fps))

    def _show(self, trainer: L.Trainer, tag: str, encoded: bytes) -> None:
        """Writes an encoded picture; TensorBoard's own video summary needs a retired dependency."""
        for logger in trainer.loggers:
            if isinstance(logger, L.pytorch.loggers.TensorBoardLogger):
                image = Summary.Image(encoded_image_string=encoded)
                summary = Summary(value=[Summary.Value(tag=tag, image=image)])
                logger.experiment.file_writer.add_summary(summary, trainer.global_step)


def first_samples(batch: AnimationBatch, count: int) -> AnimationBatch:
    """The first `count` references of a batch and their clips."""
    count = min(count, len(batch.reference))
    clips = len(batch.target) // len(batch.reference) * count
    return AnimationBatch(
        keys=batch.keys[:clips],
        reference=batch.reference[:count],
        reference_pose=batch.reference_pose[:count],
        target=batch.target[:clips],
        target_pose=batch.target_pose[:clips],
    )


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()

"""What the network paints while it learns: a sheet of pictures in TensorBoard, from fixed seeds."""

from __future__ import annotations

import io
from typing import Any

import lightning as L
import numpy as np
from lightning.pytorch.callbacks import Callback
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.doing import doing
from humangen.inference.painters import painter_of
from humangen.media import gif, to_uint8
from humangen.metrics.image import psnr
from humangen.tasks.base import validation_of
from humangen.tasks.denoising import DenoisingTask
from humangen.types import AnimationBatch, TryOnBatch, first_samples


class Samples(Callback):
    """At each validation, paints the first `count` samples of the first validation batch, and logs a sheet, a clip as
    a GIF where there are frames, and the PSNR."""

    def __init__(self, *, sampler: Sampler, guidance: float = 1.0, count: int = 4, fps: float = 8.0) -> None:
        self.sampler, self.guidance, self.count, self.fps = sampler, guidance, count, fps

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if batch_idx or trainer.sanity_checking or not trainer.is_global_zero:
            return
        assert isinstance(pl_module, DenoisingTask)
        painter = painter_of(pl_module.pipeline, self.sampler, self.guidance)
        batch = first_samples(batch, self.count)
        with doing.during("painting samples"):
            painted, truth = painter.paint(batch), shown_truth(batch)
        name, ratio = validation_of(trainer), psnr((painted + 1) / 2, (truth + 1) / 2).mean()
        pl_module.log(f"{name}/psnr", ratio, prog_bar=True, batch_size=len(batch.keys))
        self._show(trainer, f"{name}/samples", _png(painter.sheet(painted, batch)))
        if painted.shape[1] > 1:
            both = np.concatenate([to_uint8(painted[0]), to_uint8(truth[0])], axis=2)
            self._show(trainer, f"{name}/clip", gif(both, self.fps))

    def _show(self, trainer: L.Trainer, tag: str, encoded: bytes) -> None:
        """Writes an encoded picture; TensorBoard's own video summary needs a retired dependency."""
        for logger in trainer.loggers:
            if isinstance(logger, L.pytorch.loggers.TensorBoardLogger):
                image = Summary.Image(encoded_image_string=encoded)
                summary = Summary(value=[Summary.Value(tag=tag, image=image)])
                logger.experiment.file_writer.add_summary(summary, trainer.global_step)


def shown_truth(batch: AnimationBatch | TryOnBatch) -> Tensor:
    """What should have been painted (K, F, 3, H, W); training samples are paired, and people wear the garments."""
    return batch.target if isinstance(batch, AnimationBatch) else batch.person[:, None]


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()

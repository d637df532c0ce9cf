"""What the network paints while it learns: a sheet of pictures in TensorBoard, from fixed seeds."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import lightning as L
import numpy as np
from lightning.pytorch.callbacks import Callback
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.inference.painter import Painter
from humangen.media import gif, to_uint8
from humangen.metrics.image import psnr
from humangen.models.pipeline import Pipeline
from humangen.tasks.denoising import DenoisingTask


class Samples(Callback):
    """At each validation, paints the first `count` samples of the first validation batch, and logs a sheet, a clip as
    a GIF where there are frames, and the PSNR."""

    def __init__(
        self, *, painter: Callable[[Pipeline, Sampler], Painter], sampler: Sampler, count: int = 4, fps: float = 8.0
    ) -> None:
        self.painter, self.sampler, self.count, self.fps = painter, sampler, count, fps

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
        painter = self.painter(pl_module.pipeline, self.sampler)
        batch = first_samples(batch, self.count)
        painted, truth = painter.paint(batch), painter.truth(batch)
        pl_module.log("val/psnr", psnr((painted + 1) / 2, (truth + 1) / 2).mean(), prog_bar=True)
        self._show(trainer, "val/samples", _png(painter.sheet(painted, batch, self.count)))
        if painted.shape[1] > 1:
            both = np.concatenate([to_uint8(painted[0]), to_uint8(truth[0])], axis=2)
            self._show(trainer, "val/clip", gif(both, self.fps))

    def _show(self, trainer: L.Trainer, tag: str, encoded: bytes) -> None:
        """Writes an encoded picture; TensorBoard's own video summary needs a retired dependency."""
        for logger in trainer.loggers:
            if isinstance(logger, L.pytorch.loggers.TensorBoardLogger):
                image = Summary.Image(encoded_image_string=encoded)
                summary = Summary(value=[Summary.Value(tag=tag, image=image)])
                logger.experiment.file_writer.add_summary(summary, trainer.global_step)


def first_samples(batch: Any, count: int) -> Any:
    """The first `count` samples of a batch, with all that belongs to them."""
    rows = {each.name: getattr(batch, each.name) for each in fields(batch)}
    tensors = {name: value for name, value in rows.items() if isinstance(value, Tensor)}
    samples = min(len(value) for value in tensors.values())
    count = min(count, samples)
    parts: dict[str, Any] = {name: value[: len(value) // samples * count] for name, value in tensors.items()}
    return replace(batch, **parts, keys=batch.keys[: len(batch.keys) // samples * count])


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()

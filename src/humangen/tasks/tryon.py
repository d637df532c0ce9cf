"""Virtual try-on: a person, a garment and a region, to the person wearing the garment."""

from __future__ import annotations

import torch

from humangen.diffusion.region import latent_region
from humangen.tasks.denoising import DenoisingTask, Exercise
from humangen.types import TryOnBatch


class TryOnTask(DenoisingTask[TryOnBatch]):
    """Learns from people and the garments they wear: the garment is the reference, noise and loss are in the region
    alone. Around it stay the latents of the person with the region blanked: those of the whole person would carry
    the worn garment outwards through the encoder's receptive field."""

    def prepare(self, batch: TryOnBatch) -> Exercise:
        pipeline = self.pipeline
        reference = pipeline.encode_reference(batch.garment, torch.zeros_like(batch.pose))
        blanked = batch.person.masked_fill(batch.region, 0.0)
        return Exercise(
            batch.keys,
            clean=pipeline.encode_clips(batch.person[:, None]),
            condition=pipeline.condition(reference, batch.pose[:, None]),
            reference=reference,
            region=latent_region(batch.region, pipeline.codec.downscale),
            outside=pipeline.encode_clips(blanked[:, None]),
        )

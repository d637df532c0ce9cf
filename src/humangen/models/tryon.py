"""The parts that together dress a person: what training shares with inference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from humangen.attention.spatial import share
from humangen.diffusion.region import OUTSIDES, keep_outside, latent_region
from humangen.models.pipeline import Pipeline
from humangen.types import Condition, InputError, Reference, TryOnBatch

BACKGROUNDS = ("masked_person", "person")


class TryOnPipeline(Pipeline):
    """A pipeline whose reference is a garment, and which paints a region of a person.

    `outside` says what is around the region while it is painted (`clean`, `noised`, `none`: see `diffusion.region`).
    `background` says of what picture the latents there are: `masked_person`, the person with the region blanked, or
    `person`, whole, which carries the worn garment outwards through the encoder's receptive field. The region covers
    every latent cell that one of its pixels touches, and grows by `dilation` more.
    """

    def __init__(
        self, *, outside: str = "clean", background: str = "masked_person", dilation: int = 0, **parts: Any
    ) -> None:
        super().__init__(**parts)
        for name, value, known in (("outside", outside, (*OUTSIDES,)), ("background", background, BACKGROUNDS)):
            if value not in known:
                raise InputError(f"{name} cannot be {value!r}, but {', '.join(known)}")
        if self.denoiser.inpaints and background == "person":
            raise InputError("an inpainting U-Net is told the background whole: background=person would tell it all")
        if dilation < 0:
            raise InputError(f"a region cannot grow by {dilation} cells")
        self.outside, self.background, self.dilation = OUTSIDES[outside], background, dilation

    def encode_garment(self, garment: Tensor) -> Reference:
        """`garment` (B, 3, H, W) in [-1, 1]; nobody wears it, so its pose is empty."""
        return self.encode_reference(garment, torch.zeros_like(garment))

    def dressing(self, batch: TryOnBatch, garment: Reference | None) -> Condition:
        """What is to be painted of `batch` in `garment`, None: in nothing in particular. What is under the region has
        no part in it, unless `background` says so."""
        person = batch.person
        if self.background == "masked_person":
            person = person.masked_fill(batch.region, 0.0)
        condition = Condition(
            pose=batch.pose[:, None],
            tokens=self.image_encoder.null(len(person)).to(person),
            region=latent_region(batch.region, self.codec.downscale, self.dilation).to(person.dtype),
            outside=self.encode_clips(person[:, None]),
        )
        return condition if garment is None else self.wearing(condition, garment.tokens)

    def wearing(self, condition: Condition, tokens: Tensor) -> Condition:
        """The same people in garments of these image-encoder `tokens` (B, N, D)."""
        return replace(condition, tokens=share(tokens, len(condition.pose)))

    def goal(self, batch: TryOnBatch, condition: Condition) -> Tensor:
        """The clean latents (K, 1, C, h, w) to be learned: the person where something is to be painted, else what is
        known."""
        assert condition.region is not None
        assert condition.outside is not None
        painted = self.outside.painted(condition.region)
        return keep_outside(self.encode_clips(batch.person[:, None]), condition.outside, painted)

    def around(self, noisy: Tensor, condition: Condition, noise: Tensor, timestep: Tensor | None) -> Tensor:
        """Latents as the network is to see them at `timestep` (K,), or as they end (None), of which `noisy` counts
        inside the region."""
        assert condition.region is not None
        assert condition.outside is not None

        def add_noise(clean: Tensor) -> Tensor:
            return clean if timestep is None else self.schedule.add_noise(clean, noise, timestep)

        return self.outside.around(noisy, condition.outside, condition.region, add_noise)

"""The parts that together turn a reference and poses into pictures: what training shares with inference."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from torch import Tensor, nn

from humangen.attention.cache import ReferenceCache
from humangen.attention.spatial import share
from humangen.diffusion.guidance import guided
from humangen.diffusion.sample import Denoise
from humangen.diffusion.schedule import Schedule
from humangen.models.codec import Codec, weights_hash
from humangen.models.denoiser import Denoiser
from humangen.models.image_encoder import NoImageEncoder
from humangen.types import AnimationBatch, Condition, InputError, LatentsInfo, Reference


class Pipeline(nn.Module):
    """A denoiser, the frozen networks around it, and the schedule it was trained with."""

    def __init__(self, *, denoiser: Denoiser, codec: Codec, image_encoder: NoImageEncoder, schedule: Schedule) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.codec = codec.requires_grad_(False).eval()
        self.image_encoder = image_encoder.requires_grad_(False).eval()
        self.schedule = schedule

    def train(self, mode: bool = True) -> Pipeline:
        super().train(mode)
        self.codec.eval()
        self.image_encoder.eval()
        return self

    def encode_reference(self, pixels: Tensor, pose: Tensor) -> Reference:
        """`pixels` (B, 3, H, W) in [-1, 1] and its drawn `pose` (B, 3, H, W) in [0, 1]."""
        return Reference(self.codec.encode(pixels), pose, self.image_encoder(pixels))

    def encode_clips(self, pixels: Tensor) -> Tensor:
        """`pixels` (K, F, 3, H, W) in [-1, 1] -> latents (K, F, C, h, w)."""
        return self.codec.encode(pixels.flatten(0, 1)).unflatten(0, pixels.shape[:2])

    def encode(self, batch: AnimationBatch) -> tuple[Reference, Tensor]:
        """The references and the clean clips (K, F, C, h, w) of a batch, as they are where they are latents already."""
        if batch.latents is None:
            return self.encode_reference(batch.reference, batch.reference_pose), self.encode_clips(batch.target)
        self.check_encoders(batch.latents)
        tokens = batch.reference_tokens if self.image_encoder.reads_pictures else None
        if tokens is None:
            tokens = self.image_encoder.null(len(batch.reference)).to(batch.reference)
        return Reference(batch.reference, batch.reference_pose, tokens), batch.target

    def check_encoders(self, latents: LatentsInfo) -> None:
        """Raises `InputError` where latents were made by other networks than these."""
        codec, image_encoder = self.encoder_hashes
        wrong = [f"codec {latents.codec}, and this model's is {codec}"] if latents.codec != codec else []
        if image_encoder not in (None, latents.image_encoder):
            wrong.append(f"image encoder {latents.image_encoder}, and this model's is {image_encoder}")
        if wrong:
            options = "--codec FOLDER" + (" --image-encoder FOLDER" if image_encoder else "")
            raise InputError(
                f"the latents of these shards were made by {'; by '.join(wrong)}: make them again with "
                f"python -m data_prep latents --input SHARDS --output DIR {options} "
                f"--size {latents.height}x{latents.width}"
            )

    @cached_property
    def encoder_hashes(self) -> tuple[str, str | None]:
        """sha256 of the codec's weights, and of those of an image encoder that reads pictures."""
        return weights_hash(self.codec), weights_hash(self.image_encoder) if self.image_encoder.reads_pictures else None

    def condition(self, reference: Reference, pose: Tensor) -> Condition:
        """What clips with drawn `pose` (K, F, 3, H, W) are to show of `reference`."""
        return Condition(pose, share(reference.tokens, len(pose)))

    def unconditional(self, condition: Condition) -> Condition:
        """The same poses of nobody."""
        return replace(condition, tokens=self.null_tokens(condition))

    def null_tokens(self, condition: Condition) -> Tensor:
        return self.image_encoder.null(len(condition.pose)).to(condition.tokens)

    def denoise(
        self, reference: Reference | ReferenceCache | None, condition: Condition, guidance: float = 1.0
    ) -> Denoise:
        """The network as a function of (latents, timestep); `reference` as `Denoiser.prepare` gave it, or None
        for nobody in particular."""
        unconditional = self.unconditional(condition)

        def with_reference(latents: Tensor, timestep: Tensor) -> Tensor:
            return self.denoiser(latents, timestep, condition, reference)

        def without(latents: Tensor, timestep: Tensor) -> Tensor:
            return self.denoiser(latents, timestep, unconditional, None)

        return without if reference is None else guided(with_reference, without, guidance)

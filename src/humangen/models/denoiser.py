"""One network that reads the reference and paints the target: `read`, then denoise with what was read."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import pad

from humangen.attention.cache import ReferenceCache
from humangen.attention.schemes import REFERENCE, SCHEMES, TARGET
from humangen.attention.spatial import Alone, Cached, Joint, Read, Spatial, share
from humangen.models.pose_encoder import PoseEncoder
from humangen.models.unet import SpatialUNet
from humangen.types import Condition, EncodedCondition, InputError, Reference


class Denoiser(nn.Module, ABC):
    """The call contract of every backbone and every join; who calls never asks which.

    `denoiser(noisy, timestep, condition, reference)` -> prediction, where `reference` is what `prepare` gave:
    a cache, the reference itself where nothing of it can be computed beforehand, or None for no reference.
    """

    def __init__(self, *, unet: SpatialUNet, pose_encoder: PoseEncoder, reference_pose: bool = True) -> None:
        super().__init__()
        self.unet, self.pose_encoder, self.reference_pose = unet, pose_encoder, reference_pose

    def posed(self, reference: Reference) -> Tensor:
        """The pose to inject into the reference (B, 3, H, W): its own, or an empty one as an ablation."""
        return reference.pose if self.reference_pose else torch.zeros_like(reference.pose)

    @abstractmethod
    def prepare(self, reference: Reference) -> Reference | ReferenceCache:
        """Does now what need be done only once for this reference."""

    @abstractmethod
    def join(self, noisy: Tensor, timestep: Tensor, condition: Condition, reference: Reference) -> Tensor:
        """Prediction with the B references and the K targets in one pass. This is the training path."""

    def forward(
        self,
        noisy: Tensor,
        timestep: Tensor,
        condition: Condition,
        reference: Reference | ReferenceCache | None,
    ) -> Tensor:
        """Prediction (K, F, C, h, w) for `noisy` (K, F, C, h, w) at `timestep` (K,); K is a multiple of the
        number of references."""
        if isinstance(reference, Reference):
            return self.join(noisy, timestep, condition, reference)
        frames = noisy.shape[1]
        if reference is None:
            return self.paint(noisy, timestep, condition, Alone(frames=frames))
        present = None if condition.present is None else share(condition.present, len(noisy) * frames)
        return self.paint(noisy, timestep, condition, Cached(cache=reference, frames=frames, present=present))

    @property
    def inpaints(self) -> bool:
        """Whether the U-Net takes, besides the latents, a mask and what is known outside (SD's inpainting weights)."""
        return self.unet.config.in_channels > self.unet.config.out_channels

    def told(self, latents: Tensor, mask: Tensor, known: Tensor) -> Tensor:
        """What the U-Net takes for `latents` (R, C, h, w) to be painted where `mask` (R, 1, h, w) is 1 around `known`
        (R, C, h, w)."""
        return torch.cat([latents, mask, known], dim=1) if self.inpaints else latents

    def told_reference(self, latents: Tensor) -> Tensor:
        """The same of references: all is known, and nothing is to be painted."""
        return self.told(latents, torch.zeros_like(latents[:, :1]), latents)

    def told_target(self, noisy: Tensor, condition: Condition) -> Tensor:
        """The same of targets (K, F, C, h, w), one row per frame."""
        rows = noisy.flatten(0, 1)
        if not self.inpaints:
            return rows
        if condition.region is None or condition.outside is None:
            raise InputError(
                "these are weights of an inpainting U-Net, which needs a region to paint into: train try-on with them, "
                "or name others in model.pretrained"
            )
        mask = condition.region.expand(-1, noisy.shape[1], -1, -1, -1).flatten(0, 1)
        return self.told(rows, mask, condition.outside.flatten(0, 1))

    def encode_pose(self, condition: Condition) -> Condition:
        """The same condition with what can be computed once for all steps; `forward` takes either."""
        features = self.pose_encoder(condition.pose.flatten(0, 1)).unflatten(0, condition.pose.shape[:2])
        return EncodedCondition(**vars(condition) | {"pose": features})

    def paint(self, noisy: Tensor, timestep: Tensor, condition: Condition, spatial: Spatial) -> Tensor:
        """The targets alone through the network."""
        rows, times, tokens, pose = self._rows(noisy, timestep, condition)
        prediction = self.unet(rows, times, tokens, pose, spatial)
        return rearrange(prediction, "(K F) C h w -> K F C h w", F=noisy.shape[1])

    def _rows(self, noisy: Tensor, timestep: Tensor, condition: Condition) -> tuple[Tensor, ...]:
        """Latents, timesteps, tokens and pose features, one row per frame."""
        rows, pose = self.told_target(noisy, condition), condition.pose.flatten(0, 1)
        if not isinstance(condition, EncodedCondition):
            pose = self.pose_encoder(pose)
        return rows, share(timestep, len(rows)), share(condition.tokens, len(rows)), pose


class RowDenoiser(Denoiser):
    """Reference and target are separate rows of a batch, and meet only in self-attention, by `scheme`.

    `reference_timestep` is the reference's own fixed timestep t_r; None gives it the target's.
    """

    def __init__(
        self,
        *,
        unet: SpatialUNet,
        pose_encoder: PoseEncoder,
        scheme: str = "causal",
        reference_timestep: int | None = 0,
        reference_pose: bool = True,
    ) -> None:
        super().__init__(unet=unet, pose_encoder=pose_encoder, reference_pose=reference_pose)
        if scheme not in SCHEMES:
            raise InputError(f"no mask scheme {scheme!r}; there are {', '.join(SCHEMES)}")
        self.scheme = SCHEMES[scheme]
        self.reference_timestep = reference_timestep

    @property
    def cacheable(self) -> bool:
        """True where neither the scheme nor the clock makes the reference depend on the target."""
        return self.scheme.cacheable and self.reference_timestep is not None

    def prepare(self, reference: Reference) -> Reference | ReferenceCache:
        return self.read(reference) if self.cacheable else reference

    def read(self, reference: Reference) -> ReferenceCache:
        """Each self-attention layer's keys and values of the reference, good for every step and frame; no layer
        at all where the scheme's targets never look at it."""
        if not self.scheme.cacheable:
            raise InputError(
                f"scheme {self.scheme.name!r} cannot be cached: its reference reads the target; "
                f"use {' or '.join(name for name, scheme in SCHEMES.items() if scheme.cacheable)}"
            )
        if self.reference_timestep is None:
            raise InputError("a reference that shares the target's timestep cannot be cached; set it to 0")
        cache = ReferenceCache()
        if not self.scheme.reads(TARGET, REFERENCE):
            return cache
        latents = reference.latents
        times = torch.full((len(latents),), self.reference_timestep, device=latents.device)
        pose = self.pose_encoder(self.posed(reference))
        rows = self.told_reference(latents)
        self.unet(rows, times, reference.tokens, pose, Read(cache=cache, references=len(rows)))
        return cache

    def forward(
        self,
        noisy: Tensor,
        timestep: Tensor,
        condition: Condition,
        reference: Reference | ReferenceCache | None,
    ) -> Tensor:
        if isinstance(reference, ReferenceCache):
            if not self.cacheable:
                raise InputError(f"scheme {self.scheme.name!r} was given a cache, which it cannot use")
            if not reference.layers:
                reference = None
        return super().forward(noisy, timestep, condition, reference)

    def join(
        self,
        noisy: Tensor,
        timestep: Tensor,
        condition: Condition,
        reference: Reference,
        spatial: type[Joint] = Joint,
    ) -> Tensor:
        rows, times, tokens, pose = self._rows(noisy, timestep, condition)
        # where the reference reads the target, each target row needs a reference row of its own
        count = len(reference.latents) if self.cacheable else len(rows)
        latents = share(reference.latents, count)
        if self.reference_timestep is None:
            reference_times = times
        else:
            reference_times = torch.full_like(times[:1], self.reference_timestep).expand(count)
        present = None if condition.present is None else share(condition.present, len(rows))
        prediction = self.unet(
            torch.cat([self.told_reference(latents), rows]),
            torch.cat([reference_times, times]),
            torch.cat([share(reference.tokens, count), tokens]),
            torch.cat([share(self.pose_encoder(self.posed(reference)), count), pose]),
            spatial(scheme=self.scheme, references=count, frames=noisy.shape[1], present=present),
        )
        return rearrange(prediction[count:], "(K F) C h w -> K F C h w", F=noisy.shape[1])


class CanvasDenoiser(Denoiser):
    """Reference and target side by side on one wide latent: convolutions and norms mix them as well (CatVTON).

    A dropped reference is a blank half (zero latents, no pose).
    """

    def prepare(self, reference: Reference) -> Reference:
        return reference

    def encode_pose(self, condition: Condition) -> Condition:
        return condition  # the encoder sees both halves together

    def join(self, noisy: Tensor, timestep: Tensor, condition: Condition, reference: Reference) -> Tensor:
        return self._paint_canvas(noisy, timestep, condition, reference.latents, self.posed(reference))

    def forward(
        self,
        noisy: Tensor,
        timestep: Tensor,
        condition: Condition,
        reference: Reference | ReferenceCache | None,
    ) -> Tensor:
        if isinstance(reference, ReferenceCache):
            raise InputError("a canvas cannot use a reference cache: its halves mix in every layer")
        if reference is None:
            blank = torch.zeros_like(noisy[:, 0]), torch.zeros_like(condition.pose[:, 0])
            return self._paint_canvas(noisy, timestep, condition, *blank)
        return self.join(noisy, timestep, condition, reference)

    def _paint_canvas(
        self, noisy: Tensor, timestep: Tensor, condition: Condition, latents: Tensor, pose: Tensor
    ) -> Tensor:
        clips, frames, width = noisy.shape[0], noisy.shape[1], noisy.shape[-1]
        halves = [share(part, clips)[:, None].repeat(1, frames, 1, 1, 1) for part in (latents, pose)]
        if condition.present is not None:
            halves = [half * condition.present[:, None, None, None, None] for half in halves]
        canvas = torch.cat([halves[0], noisy], dim=-1)
        known = None if condition.outside is None else torch.cat([halves[0], condition.outside], dim=-1)
        region = None if condition.region is None else pad(condition.region, (width, 0))  # the reference is all known
        wide = Condition(torch.cat([halves[1], condition.pose], dim=-1), condition.tokens, None, region, known)
        return self.paint(canvas, timestep, wide, Alone(frames=frames))[..., width:]

"""Temporal layers that see only clips: references, and clips of one frame, pass them untouched."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from humangen.attention.spatial import Spatial
from humangen.types import InputError

MOTION = ".motion_modules."  # in the name of every parameter of a temporal layer


class ClipMotion(AnimateDiffTransformer3D):
    """AnimateDiff's temporal transformer over the target rows of a batch.

    diffusers' blocks hand their `num_frames` argument on unread; it carries the batch's `Spatial` here.
    """

    gradient_checkpointing = False  # diffusers switches it by this name; its own blocks spare the middle alone

    @property
    def positions(self) -> int:
        """The most frames of a clip."""
        return self.transformer_blocks[0].pos_embed.pe.shape[1]

    def forward(  # type: ignore[override]
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        timestep: Tensor | None = None,
        class_labels: Tensor | None = None,
        num_frames: Spatial | None = None,
        cross_attention_kwargs: dict | None = None,
    ) -> Tensor:
        assert num_frames is not None
        references, frames = num_frames.references, num_frames.frames
        if frames == 1:
            return hidden_states
        if frames > self.positions:
            raise InputError(
                f"the temporal layers know {self.positions} positions, and a clip of {frames} frames was given: "
                f"take at most {self.positions} frames at once"
            )
        run = partial(super().forward, num_frames=frames)
        if self.gradient_checkpointing and torch.is_grad_enabled():
            run = partial(checkpoint, run, use_reentrant=False)
        targets = run(hidden_states[references:])
        return torch.cat([hidden_states[:references], targets])


def use_clip_motion(unet: nn.Module) -> None:
    """Turns a U-Net's temporal layers into `ClipMotion`, and makes fresh ones start as the identity.

    The class is changed in place because the modules have no config to rebuild them from, and because the
    parameter names must stay those of published motion adapters.
    """
    for module in unet.modules():
        if isinstance(module, AnimateDiffTransformer3D):
            module.__class__ = ClipMotion
            nn.init.zeros_(module.proj_out.weight)
            nn.init.zeros_(module.proj_out.bias)


def motion_parameters(unet: nn.Module) -> list[nn.Parameter]:
    """The parameters of all temporal layers."""
    return [
        parameter for module in unet.modules() if isinstance(module, ClipMotion) for parameter in module.parameters()
    ]


def positions(unet: nn.Module) -> int:
    """The most frames of a clip for which all temporal layers of a U-Net have positions."""
    return min(module.positions for module in unet.modules() if isinstance(module, ClipMotion))


def is_identity(weights: Mapping[str, Tensor]) -> bool:
    """Whether the temporal layers among a U-Net's `weights`, if any, do nothing yet, as fresh ones."""
    exits = (value for name, value in weights.items() if MOTION in name and ".proj_out." in name)
    return not any(value.any() for value in exits)

"""The baseline of two networks: one reads the reference once, its twin paints (AnimateAnyone, arXiv 2311.17117).

The bank between them holds hidden states, not keys and values, so the painter projects them again in every step, for
every frame, as published code does. Weights are random: this tells what the design costs, not what it paints.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from einops import rearrange
from torch import Tensor

from humangen.attention.spatial import Alone, attend_with_reference, share
from humangen.models.denoiser import Denoiser
from humangen.models.motion import ClipMotion
from humangen.models.processor import SelfAttentionProcessor
from humangen.models.unet import SpatialUNet
from humangen.types import Condition, Reference

Bank = dict[str, Tensor]  # what entered each self-attention layer of the reader (B, N, D), by layer path


class Keeping(Alone):
    """Rows of the reader: they read themselves, and leave their hidden states in the bank."""

    def __init__(self, bank: Bank) -> None:
        super().__init__()
        self.bank = bank


class KeepingProcessor(SelfAttentionProcessor):
    """The reader's self-attention."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        spatial: Any,
    ) -> Tensor:
        spatial.bank[self.layer] = hidden_states
        return super().__call__(attn, hidden_states, spatial=spatial)


class Projecting:
    """Rows of the painter: they read themselves, and the bank through the painter's own projections."""

    references = 0

    def __init__(self, unet: SpatialUNet, bank: Bank, *, frames: int) -> None:
        self.unet, self.bank, self.frames = unet, bank, frames

    def attend(self, layer: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        attention: Any = self.unet.get_submodule(layer)
        hidden = share(self.bank[layer], len(query))
        reference_key, reference_value = (
            rearrange(project(hidden), "R N (heads d) -> R heads N d", heads=query.shape[1])
            for project in (attention.to_k, attention.to_v)
        )
        return attend_with_reference(query, key, value, (reference_key, reference_value), None)


def without_motion(unet: SpatialUNet) -> SpatialUNet:
    """The same U-Net rid of the weights of its temporal layers, which a single picture passes untouched."""
    layers = [module for module in unet.modules() if isinstance(module, ClipMotion)]
    for layer in layers:
        for name in [name for name, _ in layer.named_children()]:
            delattr(layer, name)
    return unet


class ReferenceNet:
    """`painter` and a `reader` of the same size."""

    def __init__(self, painter: Denoiser, reader: SpatialUNet) -> None:
        self.painter, self.reader = painter, reader
        reader.set_attn_processor(
            {
                name: KeepingProcessor(old.layer) if isinstance(old, SelfAttentionProcessor) else old
                for name, old in reader.attn_processors.items()
            }
        )

    def read(self, reference: Reference) -> Bank:
        bank: Bank = {}
        latents = reference.latents
        times = torch.zeros(len(latents), dtype=torch.long, device=latents.device)
        no_pose = latents.new_zeros(1, 1, 1, 1)
        self.reader(latents, times, reference.tokens, no_pose, Keeping(bank))
        return bank

    def __call__(self, noisy: Tensor, timestep: Tensor, condition: Condition, bank: Bank) -> Tensor:
        return self.painter.paint(
            noisy, timestep, condition, Projecting(self.painter.unet, bank, frames=noisy.shape[1])
        )

"""Classifier-free guidance: dropping the reference in training, and leaning on it in sampling."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from humangen.diffusion.sample import Denoise
from humangen.types import Condition


def drop_reference(condition: Condition, null: Tensor, present: Tensor) -> Condition:
    """Drops the reference of each clip that is not `present` (K, bool): its keys are not there, and its tokens
    are `null` (K, N, D), the very tokens that sampling without a reference uses."""
    if present.all():
        return condition
    tokens = torch.where(present[:, None, None], condition.tokens, null)
    return replace(condition, tokens=tokens, present=present)


def guided(conditional: Denoise, unconditional: Denoise, scale: float) -> Denoise:
    """u + scale (c - u); with a scale of 1 the unconditional half is never computed."""
    if scale == 1:
        return conditional

    def denoise(latents: Tensor, timestep: Tensor) -> Tensor:
        without = unconditional(latents, timestep)
        return without + scale * (conditional(latents, timestep) - without)

    return denoise

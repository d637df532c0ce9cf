"""Classifier-free guidance: dropping the reference in training, and leaning on it in sampling."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from humangen.diffusion.sample import Denoise
from humangen.types import Condition, InputError


def drop_reference(condition: Condition, null: Tensor, present: Tensor) -> Condition:
    """Drops the reference of each clip that is not `present` (K, bool): its keys are not there, and its tokens
    are `null` (K, N, D), the very tokens that sampling without a reference uses."""
    if present.all():
        return condition
    tokens = torch.where(present[:, None, None], condition.tokens, null)
    return replace(condition, tokens=tokens, present=present)


def check_guidance(scale: float) -> float:
    """`scale`, where it is one that can be painted with; raises `InputError` where it is no number or below 0."""
    if not 0 <= scale < math.inf:
        raise InputError(f"guidance is {scale}: give a number from 0, of which 1 is none")
    return scale


def guided(conditional: Denoise, unconditional: Denoise, scale: float) -> Denoise:
    """u + scale (c - u); with a scale of 1 the unconditional half is never computed."""
    if check_guidance(scale) == 1:
        return conditional

    def denoise(latents: Tensor, timestep: Tensor) -> Tensor:
        without = unconditional(latents, timestep)
        return without + scale * (conditional(latents, timestep) - without)

    return denoise

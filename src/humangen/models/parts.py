"""Which parameters of a denoiser a stage trains."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from humangen.models.denoiser import Denoiser
from humangen.models.motion import motion_parameters
from humangen.types import InputError


def motion(denoiser: Denoiser) -> list[nn.Parameter]:
    """The temporal layers alone: stage 2."""
    return motion_parameters(denoiser.unet)


def unet(denoiser: Denoiser) -> list[nn.Parameter]:
    """All but the temporal layers: stage 1."""
    others = set(motion(denoiser))
    return [parameter for parameter in denoiser.parameters() if parameter not in others]


def self_attention(denoiser: Denoiser) -> list[nn.Parameter]:
    """Where reference and target meet, and the pose encoder, which starts at zero: the rest keeps what it knows."""
    layers = [
        module
        for name, module in denoiser.unet.named_modules()
        if name.endswith("attn1") and "motion_modules" not in name
    ]
    return [parameter for module in (*layers, denoiser.pose_encoder) for parameter in module.parameters()]


PARTS: dict[str, Callable[[Denoiser], list[nn.Parameter]]] = {
    each.__name__: each for each in (unet, self_attention, motion)
}


def train_only(denoiser: Denoiser, parts: str) -> None:
    """Freezes everything but these parts."""
    if parts not in PARTS:
        raise InputError(f"no parts {parts!r} to train; there are {', '.join(PARTS)}")
    denoiser.requires_grad_(False)
    for parameter in PARTS[parts](denoiser):
        parameter.requires_grad_(True)

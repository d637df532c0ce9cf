"""Tiny real objects for every test: CPU, offline, one thread."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # spinning threads starve a busy machine
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch

from humangen.attention.schemes import CAUSAL
from humangen.models.denoiser import CanvasDenoiser, Denoiser, RowDenoiser
from humangen.models.pose_encoder import PoseEncoder
from humangen.models.unet import SpatialUNet
from humangen.types import Condition, Reference

torch.set_num_threads(1)

LATENT, PIXELS, WIDTH = 8, 64, 16


def tiny_unet(**changes: object) -> SpatialUNet:
    config = {
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": [32, 64],
        "down_block_types": ["CrossAttnDownBlockMotion", "DownBlockMotion"],
        "up_block_types": ["UpBlockMotion", "CrossAttnUpBlockMotion"],
        "layers_per_block": 1,
        "num_attention_heads": 2,
        "motion_num_attention_heads": 2,
        "norm_num_groups": 8,
        "cross_attention_dim": WIDTH,
    }
    return SpatialUNet(**{**config, **changes})


def randomise(module: torch.nn.Module, seed: int = 0) -> None:
    """Noise on every parameter, so that zero-initialised exits let their input through."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))


def tiny_denoiser(scheme: str = CAUSAL.name, **options: object) -> Denoiser:
    """A randomised denoiser of 4-channel 8x8 latents; `scheme` may also be canvas."""
    torch.manual_seed(0)
    parts = {
        "unet": tiny_unet(),
        "pose_encoder": PoseEncoder(width=32, channels=(4, 8, 8, 8), position_frequencies=2),
    }
    if scheme == "canvas":
        denoiser: Denoiser = CanvasDenoiser(**parts)
    else:
        denoiser = RowDenoiser(**parts, scheme=scheme, **options)
    randomise(denoiser)
    return denoiser.eval()


def tiny_inputs(
    references: int = 2, clips: int = 2, frames: int = 1, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, torch.Tensor, Condition, Reference]:
    """Noisy latents, timesteps, condition and reference with these counts."""
    generator = torch.Generator().manual_seed(1)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    reference = Reference(noise(references, 4, LATENT, LATENT), noise(references, 3, PIXELS, PIXELS).sigmoid(),
                          noise(references, 1, WIDTH))  # fmt: skip
    condition = Condition(
        noise(clips, frames, 3, PIXELS, PIXELS).sigmoid(),
        reference.tokens.repeat_interleave(clips // references, 0),
    )
    timestep = torch.tensor([999, 500, 20, 0])[:clips]
    return noise(clips, frames, 4, LATENT, LATENT), timestep, condition, reference


@pytest.fixture
def inputs() -> tuple[torch.Tensor, torch.Tensor, Condition, Reference]:
    return tiny_inputs()

"""The networks that the step, train and memory benchmarks run, and random inputs of the right shapes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from humangen.build import build
from humangen.models.denoiser import Denoiser
from humangen.types import Condition, InputError, Reference
from timing import positive

CONF = Path(__file__).parents[1] / "conf"
FULL_SIZE = 256  # pixels from which on a benchmark is of Stable Diffusion unless it is told otherwise
CELL = 8  # pixels per latent cell, along one side, of either model
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SD15 = {
    # the motion U-Net's own defaults are Stable Diffusion 1.5, but for the width of its text encoder
    "unet": {"_target_": "humangen.models.unet.SpatialUNet", "cross_attention_dim": 768},
    "pose_encoder": {"_target_": "humangen.models.pose_encoder.PoseEncoder", "width": 320},
}


def add_arguments(parser: argparse.ArgumentParser, *, batch: int) -> None:
    """What the benchmarks of a network share."""
    add_model(parser, size=128)
    parser.add_argument("--frames", type=positive, default=1, help="frames per clip")
    parser.add_argument("--batch", type=positive, default=batch, help="clips per step")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=list(DTYPES), default="float32")


def add_model(parser: argparse.ArgumentParser, *, size: int) -> None:
    """Which network, and on pictures of what size."""
    sizes = f"conf/model/dancers, or SD 1.5; unless given, sd15 from {FULL_SIZE} pixels up"
    parser.add_argument("--model", choices=["tiny", "sd15"], help=sizes)
    parser.add_argument("--size", type=positive, default=size, help="side of the pictures in pixels")


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line, with the model that goes with the size where none is named."""
    options = parser.parse_args()
    options.model = options.model or ("sd15" if options.size >= FULL_SIZE else "tiny")
    return options


def read_conf(group: str, choice: str) -> dict[str, Any]:
    """One group file of the configuration as plain containers."""
    return OmegaConf.to_container(OmegaConf.load(CONF / group / f"{choice}.yaml"))  # type: ignore[return-value]


def build_parts(model: str) -> dict[str, nn.Module]:
    """U-Net and pose encoder with random weights, by the names the denoisers know them under."""
    nodes = SD15 if model == "sd15" else read_conf("model", "dancers")["denoiser"]
    return {name: build(nodes[name]) for name in ("unet", "pose_encoder")}


def join_parts(mask: str, parts: dict[str, nn.Module]) -> Denoiser:
    """The denoiser of one choice of the group `mask`; denoisers of the same parts share their weights."""
    return build({**read_conf("mask", mask), "_partial_": True})(**parts)


def count_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def random_inputs(
    options: argparse.Namespace,
    unet: nn.Module,
    *,
    references: int,
    device: torch.device,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor, Condition, Reference]:
    """Noisy latents (K, F, C, h, w), timesteps (K,) and condition of K = batch clips, and the references."""
    config: Any = unet.config
    if options.size % CELL:
        raise InputError(f"pictures of {options.size} pixels have no whole latent cells: use a multiple of {CELL}")
    if options.frames > config.motion_max_seq_length:
        raise InputError(f"the temporal layers see at most {config.motion_max_seq_length} frames, not {options.frames}")
    clips, frames, side = options.batch, options.frames, options.size // CELL
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device, dtype)

    reference = Reference(
        noise(references, config.in_channels, side, side),
        noise(references, 3, options.size, options.size).sigmoid(),
        noise(references, 1, config.cross_attention_dim),
    )
    condition = Condition(
        noise(clips, frames, 3, options.size, options.size).sigmoid(),
        reference.tokens.repeat_interleave(clips // references, 0),
    )
    timestep = torch.linspace(999, 0, clips).long().to(device)
    return noise(clips, frames, config.in_channels, side, side), timestep, condition, reference

"""Folders as the public ones are laid out, with tiny networks of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, MotionAdapter, UNet2DConditionModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from tests.conftest import WIDTH, randomise

TINY_UNET = {
    "block_out_channels": (32, 64),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "attention_head_dim": 2,
    "norm_num_groups": 8,
    "cross_attention_dim": WIDTH,
}
TINY_ADAPTER = {
    "block_out_channels": (32, 64),
    "motion_layers_per_block": 1,
    "motion_num_attention_heads": 8,
    "motion_norm_num_groups": 8,
}
TINY_STEM = (4, 8, 8, 8)


def tiny_unet2d(**changes: Any) -> UNet2DConditionModel:
    return _random(UNet2DConditionModel, **TINY_UNET | changes)


def tiny_adapter(**changes: Any) -> MotionAdapter:
    return _random(MotionAdapter, **TINY_ADAPTER | changes)


def tiny_autoencoder() -> AutoencoderKL:
    return _random(
        AutoencoderKL,
        block_out_channels=[8, 8, 16, 16],
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        layers_per_block=1,
        norm_num_groups=8,
    )


def tiny_clip(projection_dim: int = WIDTH) -> CLIPVisionModelWithProjection:
    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
        projection_dim=projection_dim,
    )
    return _random(CLIPVisionModelWithProjection, config)


def tiny_controlnet() -> ControlNetModel:
    options = {name: value for name, value in TINY_UNET.items() if name != "up_block_types"}
    return _random(ControlNetModel, **options, conditioning_embedding_out_channels=TINY_STEM)


def tiny_pipeline_folder(folder: Path, **unet: Any) -> Path:
    """A pipeline without an image encoder, as Stable Diffusion 1.5 is; with `in_channels=9`, its inpainting kin."""
    tiny_unet2d(**unet).save_pretrained(folder / "unet")
    tiny_autoencoder().save_pretrained(folder / "vae")
    (folder / "model_index.json").write_text("{}")
    return folder


def original_layout(adapter: MotionAdapter) -> dict[str, torch.Tensor]:
    """The adapter's weights as AnimateDiff's own files (`mm_sd_v15_v2.ckpt`) name them."""
    original = {}
    for name, value in adapter.state_dict().items():
        place, number, inner = _module(name)
        for ours, theirs in (
            ("pos_embed.", "attention_blocks.0.pos_encoder."), ("attn1.", "attention_blocks.0."),
            ("attn2.", "attention_blocks.1."), ("norm1.", "norms.0."), ("norm2.", "norms.1."), ("norm3.", "ff_norm."),
        ):  # fmt: skip
            inner = inner.replace(f"transformer_blocks.0.{ours}", f"transformer_blocks.0.{theirs}")
        original[f"{place}.motion_modules.{number}.temporal_transformer.{inner}"] = value
    tables = {name: value for name, value in original.items() if name.endswith(".pos_encoder.pe")}
    return original | {name.replace("blocks.0.pos", "blocks.1.pos"): value.clone() for name, value in tables.items()}


def _module(name: str) -> tuple[str, str, str]:
    """`down_blocks.0.motion_modules.1.proj_in.weight` as its block, the module's number and the rest."""
    place, rest = name.split(".motion_modules.")
    number, inner = rest.split(".", 1)
    return place, number, inner


def _random(kind: Any, *arguments: Any, **options: Any) -> Any:
    """A network whose every parameter is noise, the same noise each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = kind(*arguments, **options)
    randomise(network)
    return network.eval()

"""Published temporal layers: AnimateDiff motion adapters, in diffusers' layout and in the original one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusers import MotionAdapter
from torch import Tensor, nn

from humangen.models.weights import fetched, part_folder, read_config, read_weights, weights_file
from humangen.types import InputError

CHOOSE = "model.motion=FOLDER or FILE"
# the adapter's words for the options of a video U-Net
OPTIONS = {
    "motion_num_attention_heads": "motion_num_attention_heads",
    "motion_max_seq_length": "motion_max_seq_length",
    "use_motion_mid_block": "use_motion_mid_block",
    "motion_transformer_layers_per_block": "temporal_transformer_layers_per_block",
    "motion_transformer_layers_per_mid_block": "temporal_transformer_layers_per_mid_block",
    "motion_norm_num_groups": "norm_num_groups",
}
# the original's words for the layers
LAYERS = {
    ".temporal_transformer.": ".",
    ".attention_blocks.0.pos_encoder.": ".pos_embed.",
    ".attention_blocks.0.": ".attn1.",
    ".attention_blocks.1.": ".attn2.",
    ".norms.0.": ".norm1.",
    ".norms.1.": ".norm2.",
    ".ff_norm.": ".norm3.",
}
SECOND_POSITIONS = ".attention_blocks.1.pos_encoder.pe"  # the same table once more


@dataclass(frozen=True)
class Adapter:
    """Temporal layers by diffusers' names, the options of the video U-Net that takes them, and where they are from."""

    options: dict[str, Any]
    weights: dict[str, Tensor]
    file: Path


def read_adapter(source: str) -> Adapter:
    """An adapter from diffusers' folder or hub id, or from one file in the original layout (`mm_sd_v15_v2.ckpt`).

    Raises `InputError` where it is anything else.
    """
    path = fetched(source, "motion_adapter")
    if path.is_file():
        weights = rename(read_weights(path))
        return Adapter(options_of(weights, path), weights, path)
    folder = part_folder(source, "motion_adapter")
    config = read_config(folder, "MotionAdapter")
    file = weights_file(folder)
    options = {ours: config[theirs] for theirs, ours in OPTIONS.items() if theirs in config}
    return Adapter(options, read_weights(file), file)


def rename(original: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The original layout's weights under diffusers' names; what has those already is left as it is."""
    renamed = {}
    for name, value in original.items():
        if name.endswith(SECOND_POSITIONS):
            continue
        for theirs, ours in LAYERS.items():
            name = name.replace(theirs, ours)
        renamed[name] = value
    return renamed


def options_of(weights: Mapping[str, Tensor], file: Path) -> dict[str, Any]:
    """What the tensors tell of a network that has no configuration: its positions, and whether it has a mid block.

    The number of layers is the U-Net's to say, so that a file in which some are missing is not mistaken for a
    smaller adapter. Published files have 8 heads, which no shape tells.
    """
    positions = {value.shape[1] for name, value in weights.items() if name.endswith(".pos_embed.pe")}
    if len(positions) != 1:
        first = ", ".join(list(weights)[:3]) or "nothing"
        raise InputError(
            f"{file} is no AnimateDiff motion adapter: it has no temporal layers with one table of positions each "
            f"(it begins with {first}). Choose with {CHOOSE}"
        )
    return {
        "motion_num_attention_heads": 8,
        "motion_max_seq_length": positions.pop(),
        "use_motion_mid_block": any(name.startswith("mid_block.") for name in weights),
    }


def fresh_weights(unet: Mapping[str, Any]) -> dict[str, Tensor]:
    """Untrained temporal layers for a U-Net with the options `unet`, which start as the identity."""
    adapter = MotionAdapter(
        block_out_channels=unet["block_out_channels"],
        motion_layers_per_block=unet["layers_per_block"],
        motion_norm_num_groups=unet["norm_num_groups"],
    )
    for name, parameter in adapter.named_parameters():
        if ".proj_out." in name:
            nn.init.zeros_(parameter)
    return adapter.state_dict()

"""Full width, on the meta device: names and shapes are those of the published files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel, UNetMotionModel
from diffusers.loaders.single_file_utils import convert_animatediff_checkpoint_to_diffusers
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from humangen.models.adapter import options_of, rename
from humangen.models.image_encoder import NOT_VISION, vision_config
from humangen.models.sd15 import unet_options
from humangen.models.unet import SpatialUNet
from humangen.models.vae import current_name
from humangen.models.weights import read_config
from tests.unit.published import original_layout

# what the config.json files of the public repositories hold
SD15 = {
    "_class_name": "UNet2DConditionModel", "_diffusers_version": "0.6.0", "act_fn": "silu", "attention_head_dim": 8,
    "block_out_channels": [320, 640, 1280, 1280], "center_input_sample": False, "cross_attention_dim": 768,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"], "downsample_padding": 1,
    "flip_sin_to_cos": True, "freq_shift": 0, "in_channels": 4, "layers_per_block": 2, "mid_block_scale_factor": 1,
    "norm_eps": 1e-05, "norm_num_groups": 32, "out_channels": 4, "sample_size": 64,
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
}  # fmt: skip
SD21 = SD15 | {
    "attention_head_dim": [5, 10, 20, 20], "cross_attention_dim": 1024, "use_linear_projection": True,
    "upcast_attention": True, "dual_cross_attention": False, "only_cross_attention": False, "num_class_embeds": None,
    "sample_size": 96,
}  # fmt: skip
VAE = {
    "_class_name": "AutoencoderKL", "_diffusers_version": "0.4.2", "act_fn": "silu",
    "block_out_channels": [128, 256, 512, 512], "down_block_types": ["DownEncoderBlock2D"] * 4, "in_channels": 3,
    "latent_channels": 4, "layers_per_block": 2, "norm_num_groups": 32, "out_channels": 3, "sample_size": 256,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}  # fmt: skip
CLIP = {
    "architectures": ["CLIPVisionModelWithProjection"], "attention_dropout": 0.0, "dropout": 0.0,
    "hidden_act": "quick_gelu", "hidden_size": 1024, "image_size": 224, "initializer_factor": 1.0,
    "initializer_range": 0.02, "intermediate_size": 4096, "layer_norm_eps": 1e-05, "model_type": "clip_vision_model",
    "num_attention_heads": 16, "num_channels": 3, "num_hidden_layers": 24, "patch_size": 14, "projection_dim": 768,
    "torch_dtype": "float32", "transformers_version": "4.25.1",
}  # fmt: skip
V1 = {"use_motion_mid_block": False, "motion_max_seq_length": 24}


def shapes(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def on_meta(kind: Any, *arguments: Any, **options: Any) -> Any:
    with torch.device("meta"):
        return kind(*arguments, **options)


def published(kind: Any, config: dict[str, Any]) -> Any:
    return on_meta(kind, **{name: value for name, value in config.items() if not name.startswith("_")})


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def options(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    (folder / "unet").mkdir()
    (folder / "unet" / "config.json").write_text(json.dumps(config))
    return unet_options(str(folder))


@pytest.mark.parametrize(
    ("config", "motion"),
    [(SD15, {}), (SD15, V1), (SD15 | {"in_channels": 9}, {}), (SD21, {})],
    ids=["sd15", "sd15 v1", "inpainting", "sd21"],
)
def test_the_unet_is_the_published_one_and_its_temporal_layers(config: dict, motion: dict, tmp_path: Path) -> None:
    flat, adapter = published(UNet2DConditionModel, config), on_meta(MotionAdapter, **motion)
    own = on_meta(SpatialUNet, **options(config, tmp_path) | motion)
    assert shapes(own.state_dict()) == shapes(flat.state_dict()) | shapes(adapter.state_dict())
    theirs = on_meta(UNetMotionModel.from_unet2d, flat, adapter, load_weights=False)
    assert _plain(own.config).items() <= _plain(theirs.config).items()


def _plain(config: Mapping[str, Any]) -> dict[str, str]:
    """The options in words, in which tuples are lists."""
    return {name: json.dumps(value) for name, value in config.items() if not name.startswith("_")}


def test_counts_are_those_of_the_published_files() -> None:
    assert count(published(UNet2DConditionModel, SD15)) == 859_520_964
    adapter = on_meta(MotionAdapter)
    assert round(count(adapter) / 1e6, 1) == 453.2
    assert count(published(AutoencoderKL, VAE)) == 83_653_863


def test_the_vae_of_old_names_is_the_published_one() -> None:
    now = shapes(published(AutoencoderKL, VAE).state_dict())
    words = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    old = {}
    for name, shape in now.items():
        for word, former in words.items():
            name = name.replace(f"mid_block.attentions.0.{word}.", f"mid_block.attentions.0.{former}.")
        old[name] = shape
    assert len(old.keys() - now.keys()) == 16  # weight and bias of four layers in each half
    assert {current_name(name): shape for name, shape in old.items()} == now
    assert {current_name(name): shape for name, shape in now.items()} == now


@pytest.mark.parametrize("whole", [False, True], ids=["vision", "with text"])
def test_clip_is_the_published_one(whole: bool, tmp_path: Path) -> None:
    config = CLIP
    if whole:
        config = {"architectures": ["CLIPModel"], "projection_dim": 768, "text_config": {}, "vision_config": CLIP}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = vision_config(read_config(tmp_path, *config["architectures"]))
    own = on_meta(CLIPVisionModelWithProjection, found)
    theirs = on_meta(CLIPVisionModelWithProjection, CLIPVisionConfig(**CLIP))
    assert shapes(own.state_dict()) == shapes(theirs.state_dict())
    assert own.config.to_dict().items() >= {name: CLIP[name] for name in ("hidden_act", "layer_norm_eps")}.items()
    assert count(own) == 303_966_208
    names = list(theirs.state_dict())
    assert len(names) == 392
    assert not [name for name in names if NOT_VISION.match(name)]
    extra = ("vision_model.embeddings.position_ids", "text_model.final_layer_norm.bias", "text_projection.weight")
    assert all(NOT_VISION.match(name) for name in (*extra, "logit_scale"))


@pytest.mark.parametrize("motion", [{}, V1], ids=["v2", "v1"])
def test_the_original_adapter_layout_is_understood(motion: dict) -> None:
    adapter = on_meta(MotionAdapter, **motion)
    original = original_layout(adapter)
    start = "down_blocks.0.motion_modules.0.temporal_transformer"
    assert {
        f"{start}.norm.weight",
        f"{start}.proj_in.weight",
        f"{start}.transformer_blocks.0.attention_blocks.0.to_q.weight",
        f"{start}.transformer_blocks.0.attention_blocks.1.to_out.0.bias",
        f"{start}.transformer_blocks.0.attention_blocks.1.pos_encoder.pe",
        f"{start}.transformer_blocks.0.norms.1.weight",
        f"{start}.transformer_blocks.0.ff.net.0.proj.weight",
        f"{start}.transformer_blocks.0.ff_norm.weight",
        f"{start}.proj_out.weight",
    } <= set(original)
    renamed = rename(original)
    assert shapes(renamed) == shapes(adapter.state_dict())
    found = options_of(renamed, Path("mm.ckpt"))
    assert found["use_motion_mid_block"] == (not motion)
    assert found["motion_max_seq_length"] == motion.get("motion_max_seq_length", 32)
    # diffusers' own conversion says the same of all but the positions, which it computes anew
    theirs = convert_animatediff_checkpoint_to_diffusers(original)
    assert theirs == {name: value for name, value in renamed.items() if not name.endswith(".pe")}

"""A model from published parts: Stable Diffusion 1.5 or its kin, CLIP, a motion adapter, a ControlNet's stem."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from humangen.diffusion.schedule import Schedule
from humangen.models.adapter import CHOOSE, fresh_weights, read_adapter
from humangen.models.image_encoder import ClipImageEncoder, NoImageEncoder
from humangen.models.loading import announce, check_fit
from humangen.models.motion import MOTION
from humangen.models.pose_encoder import PoseEncoder
from humangen.models.unet import SpatialUNet
from humangen.models.weights import fetched, has_part, part_folder, read_config, read_json, read_weights, weights_file
from humangen.types import InputError

# options that picture and video U-Nets have in common
SHARED = (
    "sample_size", "in_channels", "out_channels", "block_out_channels", "layers_per_block", "downsample_padding",
    "mid_block_scale_factor", "act_fn", "norm_num_groups", "norm_eps", "cross_attention_dim",
    "transformer_layers_per_block", "use_linear_projection",
)  # fmt: skip
TRANSLATED = ("down_block_types", "up_block_types", "attention_head_dim")
PRECISION = ("upcast_attention",)  # says how to compute in half precision, not what
BLOCKS = {
    "CrossAttnDownBlock2D": "CrossAttnDownBlockMotion",
    "DownBlock2D": "DownBlockMotion",
    "UpBlock2D": "UpBlockMotion",
    "CrossAttnUpBlock2D": "CrossAttnUpBlockMotion",
}
PUBLISHED_STEM = (16, 32, 96, 256)
STEM = "controlnet_cond_embedding."
SCHEDULER = "scheduler/scheduler_config.json"
WORDS = {"epsilon": "the noise (epsilon)", "v_prediction": "the velocity (v)", "flow_prediction": "the flow"}
DIFFUSION = {"epsilon": "epsilon", "v_prediction": "v_zero_snr"}  # the choices of conf/diffusion


def unet(*, pretrained: str, motion: str | None = None) -> SpatialUNet:
    """The U-Net of a diffusers folder or hub id, with the temporal layers of a motion adapter.

    Without `motion` they are untrained and start as the identity. Raises `InputError` where a part is not there, is
    of another kind, or does not match in every name and shape.
    """
    options, folder = unet_options(pretrained), part_folder(pretrained, "unet")
    adapter = None if motion is None else read_adapter(motion)
    temporal_options = adapter.options if adapter else {}
    for name in options.keys() & temporal_options.keys():
        if options[name] != temporal_options[name]:
            raise InputError(
                f"the motion adapter {motion} has {name} {temporal_options[name]}, the U-Net of {pretrained} has "
                f"{options[name]}: they do not belong together. Choose with {CHOOSE}"
            )
    with torch.device("meta"):  # random weights of this size take half a minute
        network = SpatialUNet(**options | temporal_options)
    spatial, temporal = _split(network)
    file = weights_file(folder)
    weights = read_weights(file)
    check_fit("U-Net", spatial, weights, file, "model.pretrained=FOLDER or HUB ID")
    if adapter:
        check_fit("motion adapter", temporal, adapter.weights, adapter.file, CHOOSE)
        weights |= adapter.weights
    else:
        announce(
            "motion: no adapter given; fresh temporal layers, zero-initialised: clips flicker until they are trained"
        )
        weights |= fresh_weights(options)
    network.load_state_dict(weights, assign=True)
    return network


def _split(network: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What a picture U-Net has of `network`, and the temporal layers."""
    state = network.state_dict()
    temporal = {name: value for name, value in state.items() if MOTION in name}
    return {name: value for name, value in state.items() if name not in temporal}, temporal


def unet_options(pretrained: str) -> dict[str, Any]:
    """The options of the video U-Net that the weights in `pretrained` fit into."""
    folder = part_folder(pretrained, "unet")
    return video_options(read_config(folder, "UNet2DConditionModel"), folder)


def video_options(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """`UNetMotionModel`'s options for a `UNet2DConditionModel`'s configuration; raises `InputError` where it has a
    feature that no video U-Net has."""
    parameters = inspect.signature(UNet2DConditionModel.__init__).parameters.values()
    defaults = {each.name: each.default for each in parameters if each.name != "self"}
    config = {name: config.get(name, default) for name, default in defaults.items()}
    known = (*SHARED, *TRANSLATED, *PRECISION)
    special = {name: value for name, value in config.items() if name not in known and value != defaults[name]}
    types = {name: config[name] for name in ("down_block_types", "up_block_types")}
    special |= {name: value for name, value in types.items() if not set(value) <= set(BLOCKS)}
    if special:
        listed = ", ".join(f"{name} = {value}" for name, value in special.items())
        raise InputError(f"the U-Net in {folder} cannot paint videos because of {listed}: use one of the SD 1.5 family")
    return {
        **{name: config[name] for name in SHARED},
        **{name: [BLOCKS[block] for block in value] for name, value in types.items()},
        # diffusers has always meant the number of heads by that key
        "num_attention_heads": config["attention_head_dim"],
    }


def check_prediction(pretrained: str, schedule: Schedule) -> None:
    """Raises `InputError` where the U-Net of `pretrained` predicts something else than `schedule` wants, as training
    needs to know that leaves its output layers as they are."""
    theirs = prediction_of(pretrained)
    if theirs != schedule.prediction:
        choose = f"diffusion={DIFFUSION[theirs]}, or " if theirs in DIFFUSION else ""
        raise InputError(
            f"the U-Net of {pretrained} predicts {WORDS.get(theirs, theirs)}, the loss of this run wants "
            f"{WORDS.get(schedule.prediction, schedule.prediction)}, and what is trained leaves the output layers as "
            f"they are: choose {choose}stage.trainable_parts=unet"
        )


def prediction_of(pretrained: str) -> str:
    """What the U-Net of a diffusers folder or hub id was trained to predict, by the scheduler beside it; where none
    says so the noise, as in diffusers."""
    file = fetched(pretrained, "scheduler") / SCHEDULER
    return read_json(file).get("prediction_type", "epsilon") if file.is_file() else "epsilon"


def pose_encoder(*, pretrained: str, controlnet: str | None = None) -> PoseEncoder:
    """A pose encoder for the U-Net in `pretrained`, its stem from a ControlNet's diffusers folder or hub id.

    The stem's last convolution stays zero: what follows it in a ControlNet is another network.
    """
    width = unet_options(pretrained)["block_out_channels"][0]
    if controlnet is None:
        announce("pose stem: no ControlNet given; fresh, and zero at its exit")
        return PoseEncoder(width=width)
    folder = part_folder(controlnet, "controlnet")
    config = read_config(folder, "ControlNetModel")
    encoder = PoseEncoder(width=width, channels=config.get("conditioning_embedding_out_channels", PUBLISHED_STEM))
    file = weights_file(folder)
    weights = {name: value for name, value in read_weights(file).items() if name.startswith(STEM)}
    expected = {f"{STEM}{name}": value for name, value in encoder.stem.state_dict().items()}
    check_fit("pose stem", expected, weights, file, "model.controlnet=FOLDER or HUB ID")
    inner = {name.removeprefix(STEM): value for name, value in weights.items() if ".conv_out." not in name}
    encoder.stem.load_state_dict(encoder.stem.state_dict() | inner)
    return encoder


def image_encoder(*, pretrained: str, source: str | None = None) -> NoImageEncoder:
    """The image encoder that belongs to the U-Net in `pretrained`.

    `source` is the folder or hub id of a CLIP, or `none` for no tokens of the reference; None is `pretrained`'s own
    where it has one, else no tokens. Raises `InputError` where the U-Net takes tokens of another width.
    """
    width = unet_options(pretrained)["cross_attention_dim"]
    own = source is None and has_part(pretrained, "image_encoder")
    if source == "none" or (source is None and not own):
        announce("image encoder: none; cross-attention sees one zero token")
        return NoImageEncoder(width=width)
    encoder = ClipImageEncoder.from_folder(source if source is not None else pretrained)
    if encoder.width != width:
        raise InputError(
            f"the image encoder of {source or pretrained} gives tokens of width {encoder.width}, the U-Net of "
            f"{pretrained} takes {width}. Choose with model.image_encoder.source=FOLDER, HUB ID or none"
        )
    return encoder

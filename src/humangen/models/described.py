"""A pipeline in plain values: what its pictures depend on beside weights, and no word of where its parts lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from humangen.models.codec import Codec
from humangen.models.folder import join_options, scheduler
from humangen.models.image_encoder import VISION, ClipImageEncoder, NoImageEncoder
from humangen.models.pipeline import Pipeline
from humangen.models.tryon import TryOnPipeline
from humangen.models.vae import LatentCodec


def described(pipeline: Pipeline, solver: str) -> dict[str, Any]:
    """How reference and target are joined, the networks' options, the noise process as `solver` is configured with it,
    and what is around a region."""
    denoiser = pipeline.denoiser
    return {
        "kind": type(pipeline).__name__,
        "denoiser": join_options(denoiser),
        "unet": own(denoiser.unet.config),
        "pose_encoder": own(denoiser.pose_encoder.config),
        "codec": _codec(pipeline.codec),
        "image_encoder": _image_encoder(pipeline.image_encoder),
        "schedule": own(scheduler(pipeline.schedule, solver).config),
        **(_around(pipeline) if isinstance(pipeline, TryOnPipeline) else {}),
    }


def own(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options in a configuration of diffusers; it notes folders and versions behind an underscore."""
    return {name: value for name, value in config.items() if not name.startswith("_")}


def _codec(codec: Codec) -> dict[str, Any]:
    options = own(codec.autoencoder.config) if isinstance(codec, LatentCodec) else getattr(codec, "options", {})
    return {"kind": type(codec).__name__, **options}


def _image_encoder(encoder: NoImageEncoder) -> dict[str, Any]:
    if not isinstance(encoder, ClipImageEncoder):
        return {"kind": type(encoder).__name__, "width": encoder.width}
    return {"kind": type(encoder).__name__} | {name: getattr(encoder.clip.config, name) for name in VISION}


def _around(pipeline: TryOnPipeline) -> dict[str, Any]:
    outside = type(pipeline.outside).__name__
    return {"outside": outside, "background": pipeline.background, "dilation": pipeline.dilation}

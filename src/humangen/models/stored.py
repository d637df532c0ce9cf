"""The configuration of a pipeline as checkpoints hold it: only frozen networks are told by where they lie."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from humangen.models.described import own
from humangen.models.pipeline import Pipeline


def relocated(node: Any, moved: Mapping[str, str]) -> Any:
    """A configuration in which places that are in `moved`, or inside of one that is, are the new ones."""
    if isinstance(node, dict):
        return {name: relocated(value, moved) for name, value in node.items()}
    for old, new in moved.items() if isinstance(node, str) else ():
        if node == old or node.startswith(f"{old.rstrip('/')}/"):
            return new + node[len(old) :]
    return node


def self_contained(pipeline: dict[str, Any], built: Pipeline) -> dict[str, Any]:
    """The configuration of a pipeline with what it `built` told by shape where a checkpoint holds the weights, so that
    inference needs none of the files that training started from but the frozen networks."""
    unet, pose_encoder = built.denoiser.unet, built.denoiser.pose_encoder
    told = {
        "denoiser": pipeline["denoiser"]
        | {
            "unet": _shape("models.unet.SpatialUNet.empty", unet.config),
            "pose_encoder": _shape("models.pose_encoder.PoseEncoder", pose_encoder.config),
        }
    }
    if not built.image_encoder.reads_pictures:
        told["image_encoder"] = _shape("models.image_encoder.NoImageEncoder", {"width": built.image_encoder.width})
    return pipeline | told


def _shape(target: str, options: Mapping[str, Any]) -> dict[str, Any]:
    return {"_target_": f"humangen.{target}", **json.loads(json.dumps(own(options)))}

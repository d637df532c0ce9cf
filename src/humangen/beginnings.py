"""What must agree before a training begins, so that nothing of it is found out hours later or never."""

from __future__ import annotations

from typing import Any

from torch import nn

from humangen.checkpoint import Stored, check_same_network
from humangen.models.codec import Codec
from humangen.models.denoiser import Denoiser
from humangen.models.motion import positions
from humangen.types import InputError

TEACHING = {  # what a network was trained to predict and to see, where a checkpoint says it
    "pipeline.schedule": "the schedule",
    "pipeline.image_encoder._target_": "the image encoder",
    "pipeline.codec._target_": "the codec",
    "parts": "what is drawn of a pose",
    "framing._target_": "the framing",
}
OPTIMISED = {"trainable_parts": "stage.trainable_parts", "optimizer": "task.optimizer._target_"}


def check_same_mask(stored: Stored, config: dict[str, Any]) -> None:
    """Raises `InputError` where weights trained under one mask would go on under another."""
    theirs, ours = (
        each["pipeline"] and {key: each["pipeline"]["denoiser"].get(key) for key in ("_target_", "scheme")}
        for each in (stored.config, config)
    )
    if theirs != ours:
        raise InputError(
            f"{stored.source} was trained with {_mask(theirs)}, this run is configured with {_mask(ours)}: "
            "choose the same with mask=..."
        )


def check_same_run(network: nn.Module, stored: Stored, config: dict[str, Any]) -> None:
    """Raises `InputError` where a run cannot go on in one of `network` that is configured otherwise: it was taught
    something else, or its optimiser is another, or of other parameters. What a checkpoint does not say is not asked
    for."""
    check_same_mask(stored, config)
    check_same_teaching(stored, config, whole=False)
    for key, option in OPTIMISED.items():
        theirs, ours = stored.config.get(key), config[key]
        if theirs not in (None, ours):
            raise InputError(
                f"{stored.source} is of a run with {option}={theirs}, whose optimiser does not go on with {ours}: "
                f"start from its weights with init={stored.source} in the place of resume="
            )
    check_same_network(network, stored)


def check_same_teaching(stored: Stored, config: dict[str, Any], *, whole: bool) -> None:
    """Says where weights were trained to predict something else, or to see something else, than a run is configured
    with. Raises `InputError` instead where the run cannot make up for it: it goes on with that training, or does not
    train the `whole` network. What a checkpoint does not say is not asked for."""
    told = []
    for key, what in TEACHING.items():
        theirs, ours = (_at(each, key) for each in (stored.config, config))
        if None not in (theirs, ours) and theirs != ours:
            told.append(f"{what} was {_brief(theirs)} and is {_brief(ours)}")
    if not told:
        return
    sentence = f"{stored.source} was trained otherwise than this run is configured: {'; '.join(told)}"
    if not whole:
        raise InputError(f"{sentence}. What this run does not train cannot follow: choose the same")
    print(sentence, flush=True)


def _at(config: Any, path: str) -> Any:
    """What a configuration has at a dotted path; None where it has nothing there."""
    for name in path.split("."):
        config = config.get(name) if isinstance(config, dict) else None
    return sorted(config) if isinstance(config, list) else config


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_brief(each)}" for name, each in value.items())
    return str(value).removeprefix("humangen.")


def _mask(node: dict[str, Any] | None) -> str:
    if node is None:
        return "no denoiser"
    return f"mask {node['scheme'] or 'canvas'!r}"


def check_size(codec: Codec, height: int, width: int) -> None:
    """Raises `InputError` where pictures of that many pixels are no whole number of latent cells."""
    cell = codec.downscale
    if height % cell or width % cell:
        above = (-(-side // cell) * cell for side in (height, width))
        raise InputError(
            f"height={height} width={width} are not both multiples of {cell}, the pixels of a latent cell: the next "
            "are height={} width={}".format(*above)
        )


def check_frames(denoiser: Denoiser, config: dict[str, Any]) -> None:
    """Raises `InputError` where clips are longer than the temporal layers have positions for."""
    lengths = {"sampler.window": config["sampler"]["window"]}
    for name in ("train_sampler", "eval_sampler"):
        lengths[f"stage.{name}.num_frames"] = (config["data"].get(name) or {}).get("num_frames", 1)
    known = positions(denoiser.unet)
    if beyond := [f"{name}={frames}" for name, frames in lengths.items() if frames > known]:
        raise InputError(
            f"the temporal layers know {known} positions, which is fewer than {', '.join(beyond)}: give frames={known} "
            "or less; a video of any length is painted in windows"
        )

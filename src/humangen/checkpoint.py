"""Trained weights in files: training checkpoints, weights folders, and exported folders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from humangen.build import build
from humangen.checkpoint_files import FILES, dated, newest, read
from humangen.diffusion.guidance import check_guidance
from humangen.diffusion.sample import Sampler
from humangen.inference.focus import Sight
from humangen.models.folder import INDEX, SAFETENSORS, assemble, read_parts
from humangen.models.motion import MOTION, is_identity
from humangen.models.pipeline import Pipeline
from humangen.models.pretrained import SHIPPED
from humangen.models.stored import relocated
from humangen.pose.draw import PARTS
from humangen.types import InputError, Missing

WEIGHTS, CONFIG = "denoiser.safetensors", "config.json"
DEEPSPEED = "latest"  # a file in every folder that DeepSpeed saves to
# all that a file from elsewhere may name
INFERENCE = ("humangen.models.", "humangen.diffusion.", "humangen.data.framing.")


@dataclass(frozen=True)
class Stored:
    """The network of a checkpoint: its plain configuration and its averaged (else its last) weights."""

    config: dict[str, Any]
    weights: dict[str, Tensor]
    source: Path


def find(path: str | Path) -> Path:
    """The checkpoint meant by a file, a run folder, a weights folder or an exported folder, or by the name of weights
    that come with the package: `shipped` to animate, `shipped_tryon` to dress. Of a run folder it is the one of the
    most steps that can be read; one that cannot is named on stderr."""
    path = SHIPPED.get(str(path), Path(path))
    if (path / WEIGHTS).is_file() or (path / INDEX).is_file() or path.is_file():
        return path
    if (path / DEEPSPEED).is_file():
        raise _of_deepspeed(path)
    if files := dated(path.glob(f"**/checkpoints/{FILES}")):
        return find_last(files[-1][1].parent)
    raise InputError(
        f"no checkpoint at {path}: neither a file, nor a run folder, nor a folder with {INDEX} or {WEIGHTS}"
    )


def find_last(folder: Path) -> Path:
    """The checkpoint of the most steps in a run's folder of checkpoints."""
    for path in sorted(folder.glob(FILES)):
        if (path / DEEPSPEED).is_file():
            raise _of_deepspeed(path)
    return newest(folder)


def _of_deepspeed(folder: Path) -> InputError:
    return InputError(
        f"{folder} is a folder of DeepSpeed's: make one file of it with humangen checkpoint consolidate {folder} "
        "--output FILE, and start from it with init=FILE"
    )


def load(path: str | Path) -> Stored:
    """Reads a checkpoint without ever unpickling code."""
    path = find(path)
    if path.is_dir():
        try:
            return Stored(json.loads((path / CONFIG).read_text()), _folder_weights(path), path)
        except (OSError, ValueError, SafetensorError) as error:
            raise InputError(f"{path} is not a weights folder that can be read: {error}") from error
    content = read(path)
    prefix, weights = "network.", content["state_dict"]
    if "ema" in content:
        prefix, weights = "module.", content["ema"]
    named = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    return Stored(content["hyper_parameters"], named, path)


def _folder_weights(folder: Path) -> dict[str, Tensor]:
    """The denoiser's weights; in an exported folder they lie with its two parts."""
    if (folder / WEIGHTS).is_file():
        return load_file(folder / WEIGHTS)
    files = {part: load_file(folder / part / SAFETENSORS) for part in ("unet", "pose_encoder")}
    return {f"{part}.{name}": value for part, values in files.items() for name, value in values.items()}


def check_same_network(network: nn.Module, stored: Stored) -> None:
    """Raises `InputError` with the first names that do not match."""
    own = network.state_dict()
    wrong = sorted(set(own) ^ set(stored.weights)) or sorted(
        name for name, value in own.items() if value.shape != stored.weights[name].shape
    )
    if wrong:
        raise InputError(
            f"{stored.source} holds the weights of another network: {len(wrong)} parameters differ, "
            f"for example {wrong[0]}"
        )


def load_weights(network: nn.Module, stored: Stored) -> None:
    """Loads strictly; raises `InputError` where they are of another network."""
    check_same_network(network, stored)
    own = network.state_dict()
    network.load_state_dict({name: value.to(own[name].dtype) for name, value in stored.weights.items()})


def start_from(network: nn.Module, stored: Stored) -> None:
    """Loads as `load_weights` does, but temporal layers that no stage has trained are not taken: those that `network`
    has may be a motion adapter's. Raises `InputError` where both have some, and other ones."""
    weights, own = stored.weights, network.state_dict()
    temporal = {name: value for name, value in own.items() if MOTION in name}
    if is_identity(weights):
        weights = {name: value for name, value in weights.items() if MOTION not in name} | temporal
    elif not is_identity(own) and not all(_same(value, weights.get(name)) for name, value in temporal.items()):
        raise InputError(
            f"{stored.source} has temporal layers of its own, and the motion adapter that is named has others: leave "
            "model.motion out to go on with the run's, or name a run in init= whose temporal layers were never loaded "
            "or trained"
        )
    load_weights(network, replace(stored, weights=weights))


def _same(value: Tensor, other: Tensor | None) -> bool:
    """But for the precision that one of them was saved in."""
    if other is None or other.shape != value.shape:
        return False
    return torch.allclose(value.float().cpu(), other.float().cpu(), rtol=1e-2, atol=1e-3)


def load_pipeline(path: str | Path, moved: Mapping[str, str] | None = None) -> Pipeline:
    """A pipeline ready for inference, in float32, from a checkpoint, a run, a weights folder or an exported folder.

    Frozen networks are read from where they were in training, or where `moved` says, by old places, that they are now.
    """
    path = find(path)
    if (path / INDEX).is_file():
        return assemble(read_parts(path))
    stored = load(path)
    if not stored.config.get("pipeline"):
        raise InputError(f"{stored.source} does not hold a denoiser")
    try:
        pipeline = build(relocated(stored.config["pipeline"], moved or {}), INFERENCE)
    except Missing as error:
        raise InputError(
            f"{stored.source} needs the frozen networks that it was trained with: {error}. If they lie elsewhere now, "
            "say where with --moved OLD:NEW, or moved=[OLD:NEW] of evaluate.py"
        ) from error
    load_weights(pipeline.denoiser, stored)
    return pipeline.eval()


def load_sampler(path: str | Path, **changes: Any) -> Sampler:
    """The sampler a checkpoint was configured with, changed where `changes` are not None."""
    given = {name: value for name, value in changes.items() if value is not None}
    return build(load(path).config["sampler"] | given, INFERENCE)


def load_guidance(path: str | Path, wanted: float | None = None) -> float:
    """`wanted`, else the guidance that a checkpoint was configured with; those that do not say have none."""
    return check_guidance(load(path).config.get("guidance", 1.0) if wanted is None else wanted)


def load_sight(path: str | Path, height: int, width: int) -> Sight:
    """What the network of a checkpoint was trained to see of pictures, in views of height x width."""
    return sight_of(load(path).config, height, width)


def sight_of(config: Mapping[str, Any], height: int, width: int) -> Sight:
    """The same as a configuration says it; one that does not is of a network that saw all of a picture."""
    node = config.get("framing") or {"_target_": "humangen.data.framing.Framing"}
    framing = build(node | {"height": height, "width": width}, INFERENCE)
    return Sight(framing, config.get("parts") or PARTS)

"""Files of published weights: in a folder, in one file, or on the Hugging Face hub."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from safetensors.torch import load_file
from torch import Tensor

from humangen.types import InputError, Missing

CONFIG = "config.json"
STEMS = ("diffusion_pytorch_model", "model", "pytorch_model")
# in the order of preference: what cannot hold code first, full precision before half
NAMES = tuple(
    f"{stem}{variant}{suffix}" for suffix in (".safetensors", ".bin") for variant in ("", ".fp16") for stem in STEMS
)
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def fetched(source: str | Path, part: str) -> Path:
    """The file or folder `source`; of a hub id (owner/name), a local copy of just its `part`.

    Raises `InputError` at once where `source` can only be a path and is not there.
    """
    name = str(source)
    if not name.strip():
        raise InputError(f"the source of the {part} weights is empty: give a folder or a hub id, or leave the key out")
    path = Path(name).expanduser()
    if path.exists():
        return path
    if not HUB_ID.fullmatch(name) or Path(path.parts[0]).is_dir():
        raise Missing(f"no {part} weights at {name}: there is no such file or folder")
    try:
        return _download(name, part)
    except Exception as error:  # network, hub and file system each have their own
        raise Missing(
            f"no {part} weights at {name}: there is no such folder, and as a Hugging Face hub id it cannot be "
            f"fetched ({_reason(error)}): check the name and the network, or give a folder"
        ) from error


def _download(repository: str, part: str) -> Path:
    """A local copy of one configuration and one file of weights; of a scheduler, which has none, its configuration."""
    root = Path(snapshot_download(repository, allow_patterns=[f"{part}/{CONFIG}", f"{part}/{part}_{CONFIG}", CONFIG]))
    folder = find_part(root, part)
    if folder is None:
        return root
    for name in NAMES:
        if not (folder / name).is_file():
            snapshot_download(repository, allow_patterns=[(folder / name).relative_to(root).as_posix()])
        if (folder / name).is_file():
            break
    return root


def find_part(root: Path, part: str) -> Path | None:
    """The folder of a pipeline's `part` ("unet", "vae" ...), or `root` where that is no pipeline but a part itself."""
    return next((folder for folder in (root / part, root) if (folder / CONFIG).is_file()), None)


def part_folder(source: str | Path | None, part: str) -> Path:
    """The folder with the configuration and the weights of one `part` of a pipeline, fetched if need be."""
    if source is None:
        raise InputError("model=sd15 starts from published weights: name them with model.pretrained=FOLDER or HUB ID")
    root = fetched(source, part)
    folder = find_part(root, part)
    if folder is None:
        raise Missing(f"no {part} weights at {source}: it has neither {part}/{CONFIG} nor {CONFIG}")
    return folder


def has_part(source: str | Path, part: str) -> bool:
    """Whether a pipeline comes with `part` of its own."""
    return (fetched(source, part) / part / CONFIG).is_file()


def read_config(folder: Path, *kinds: str) -> dict[str, Any]:
    """The configuration in `folder`; raises `InputError` where it is not of a class among `kinds`."""
    file = folder / CONFIG
    config = read_json(file)
    found = config.get("_class_name") or next(iter(config.get("architectures") or ["a network without a class name"]))
    if found not in kinds:
        raise InputError(f"{file} is of {found}, and {' or '.join(kinds)} is needed here: give another folder")
    return config


def read_json(file: Path) -> dict[str, Any]:
    """The configuration in `file`; raises `InputError` where it is none."""
    try:
        config = json.loads(file.read_text())
        if not isinstance(config, dict):
            raise ValueError(f"it holds {type(config).__name__}")
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is not a configuration that can be read: {error}") from error
    return config


def weights_file(folder: Path) -> Path:
    """The file of weights in `folder`: safetensors first, then torch's; full precision before half."""
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if not found:
        raise InputError(f"no weights in {folder}: none of {', '.join(NAMES)} is there")
    return found[0]


def read_weights(file: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors file or in a torch file, floating ones as float32; nothing is unpickled."""
    try:
        content = load_file(file) if file.suffix == ".safetensors" else _read_torch(file)
    except Exception as error:  # pickle, zip, torch and safetensors each have their own
        raise InputError(
            f"{file} cannot be read as weights: it is damaged, or holds other things than tensors, which are not "
            f"loaded because they may run code; get it as .safetensors ({_reason(error)})"
        ) from error
    tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}


def _read_torch(file: Path) -> dict[str, Any]:
    """The state dict in a torch file, out of the wrapping that training scripts put around it."""
    content = torch.load(file, map_location="cpu", weights_only=True)
    content = content.get("state_dict", content)
    return {name.removeprefix("module."): value for name, value in content.items()}


def _reason(error: Exception) -> str:
    """The first line of what an error says, or its name where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)

"""The published files of DWPose: which they are, where they lie, and how they get there."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub

from humangen.types import InputError

REPOSITORY = "yzd-v/DWPose"
MODELS = "HUMANGEN_MODELS"  # the environment's name for the folder of model files


@dataclass(frozen=True)
class Model:
    """A published file: under this name, of this content."""

    name: str
    sha256: str
    num_bytes: int


DETECTOR = Model("yolox_l.onnx", "7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411", 216_746_733)
POSE = Model("dw-ll_ucoco_384.onnx", "724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843", 134_399_116)


def models_folder(folder: Path | None = None) -> Path:
    """`folder`, else $HUMANGEN_MODELS, else ~/.cache/humangen."""
    return folder or Path(os.environ.get(MODELS, "~/.cache/humangen")).expanduser()


def locate(model: Model, folder: Path) -> Path:
    """The path of `model` in `folder`, fetched if it is not there. Raises `InputError` where it cannot be, and where
    the file is not the published one."""
    path = folder / model.name
    if not path.is_file():
        _fetch(model, folder)
    if path.stat().st_size == model.num_bytes:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == model.sha256:
                return path
    raise InputError(
        f"{path} is not the published file ({model.num_bytes:,} bytes, sha256 {model.sha256}); "
        f"remove it, or put the one from {address(model)} there"
    )


def _fetch(model: Model, folder: Path) -> None:
    print(f"fetching {model.name} ({model.num_bytes / 1e6:.0f} MB) into {folder}")
    try:
        huggingface_hub.hf_hub_download(REPOSITORY, model.name, local_dir=folder)
    except Exception as error:  # offline, refused, interrupted, no space: the hub's client has an exception for each
        raise InputError(
            f"no {model.name} in {folder}, and it cannot be fetched ({error}); DWPose needs {address(DETECTOR)} and "
            f"{address(POSE)}: download both and put them there, or name the folder that has them with --models or in "
            f"{MODELS}"
        ) from error


def address(model: Model) -> str:
    return f"https://huggingface.co/{REPOSITORY}/resolve/main/{model.name}"

"""What a checkpoint has trained, as a folder to pass on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from humangen.build import build
from humangen.checkpoint import (
    CONFIG,
    INFERENCE,
    WEIGHTS,
    Stored,
    find,
    load,
    load_guidance,
    load_pipeline,
    load_sampler,
    load_weights,
)
from humangen.media import replacing
from humangen.models.folder import take_apart, write_parts
from humangen.models.stored import relocated
from humangen.models.tryon import TryOnPipeline
from humangen.types import InputError

PIPELINE = "pipeline.py"
PIPELINE_TEXT = '''"""What DiffusionPipeline.from_pretrained(FOLDER, trust_remote_code=True) calls."""

from humangen.diffusers_pipeline import SpatialPipeline as SpatialPipeline
'''


def export(
    checkpoint: str | Path,
    folder: str | Path,
    dtype: torch.dtype = torch.float16,
    moved: Mapping[str, str] | None = None,
) -> None:
    """Writes a checkpoint as a folder in diffusers' layout with everything that sampling needs, or the codec of a
    codec run as a codec folder. Raises `InputError` where `folder` holds anything already; what fails leaves nothing.
    `moved` is as in `load_pipeline`.
    """
    checkpoint = find(checkpoint)
    stored = load(checkpoint)
    with new_folder(Path(folder)) as temporary:
        if not stored.config.get("pipeline"):
            _save_codec(stored, temporary, dtype)
        else:
            pipeline = load_pipeline(checkpoint, moved)
            if isinstance(pipeline, TryOnPipeline):
                raise InputError(
                    f"{checkpoint} dresses people, which no diffusers pipeline does yet: export it with --weights-only"
                )
            parts = take_apart(pipeline, load_sampler(checkpoint), load_guidance(checkpoint), stored.config)
            write_parts(parts, temporary, dtype)
            (temporary / PIPELINE).write_text(PIPELINE_TEXT)
            (temporary / CONFIG).write_text(json.dumps(without_places(stored.config), indent=1) + "\n")


def without_places(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration without where files lie on this machine: nobody's business, and all is in the folder."""
    pipeline = {
        name: {"_target_": node["_target_"]} if name in ("codec", "image_encoder") and "_target_" in node else node
        for name, node in config["pipeline"].items()
    }
    return {name: value for name, value in config.items() if name != "model"} | {"pipeline": pipeline}


def export_weights(
    checkpoint: str | Path,
    folder: str | Path,
    dtype: torch.dtype = torch.float16,
    moved: Mapping[str, str] | None = None,
) -> None:
    """Writes the denoiser of a checkpoint alone, and its configuration, which says where its frozen networks lie."""
    stored, folder = load(checkpoint), Path(folder)
    if not stored.config.get("pipeline"):
        raise InputError(f"{stored.source} holds a codec, which has no frozen networks to leave out")
    if (folder / WEIGHTS).exists():
        raise InputError(f"{folder / WEIGHTS} is there already: remove it, or choose another folder")
    weights = {name: value.to(dtype).contiguous() for name, value in stored.weights.items()}
    with replacing(folder / WEIGHTS) as temporary:
        save_file(weights, temporary)
    config = stored.config | {"pipeline": relocated(stored.config["pipeline"], moved or {})}
    with replacing(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(config, indent=1) + "\n")


def _save_codec(stored: Stored, folder: Path, dtype: torch.dtype) -> None:
    codec = build(stored.config["model"]["codec"], INFERENCE)
    load_weights(codec, stored)
    codec.save(folder, dtype)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes the name `folder` when the block ends well, and is gone when it does not."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} is there already: remove it, or choose another folder")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.rglob("*.safetensors"):
            file.chmod(temporary.stat().st_mode & 0o666)  # safetensors writes for the owner alone
        os.replace(temporary, folder)  # refuses a folder that has come to hold something meanwhile
    finally:
        shutil.rmtree(temporary, ignore_errors=True)

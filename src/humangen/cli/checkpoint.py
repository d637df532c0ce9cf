"""Checkpoints as files: `inspect` tells what one holds, `consolidate` makes one file of DeepSpeed's folder."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.console import Console
from rich.table import Table
from torch import Tensor

from humangen import checkpoint
from humangen.checkpoint_files import check, read
from humangen.deepspeed_folder import consolidate
from humangen.types import InputError

PARTS = {"network": "state_dict", "average": "ema", "optimiser": "optimizer_states"}  # and where they are in a file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("inspect", "consolidate"), help="what to do")
    parser.add_argument("path", metavar="PATH", help="run folder, checkpoint or weights folder")
    parser.add_argument("--output", type=Path, help="file that consolidate writes")


def run(options: argparse.Namespace) -> None:
    if options.action == "inspect":
        return inspect(options.path)
    if options.output is None:
        raise InputError("say which file to write with --output FILE")
    consolidate(Path(options.path), options.output)
    print(f"{options.output}: start from it with init={options.output}")


def inspect(path: str) -> None:
    """Prints the configuration, the step, and each part's tensors, bytes and sha256, of a file whose every byte is
    what was written; raises `InputError` where it is incomplete or damaged."""
    stored = checkpoint.load(path)
    if stored.source.is_file():
        check(stored.source)
    content = {"weights": stored.weights} if stored.source.is_dir() else read_parts(stored.source)
    table = Table("part", "tensors", "numbers", "bytes", "sha256")
    for name, part in content.items():
        tensors = dict(tensors_of(part))
        table.add_row(
            name,
            f"{len(tensors):,}",
            f"{sum(value.numel() for value in tensors.values()):,}",
            f"{sum(value.nbytes for value in tensors.values()):,}",
            sha256(tensors),
        )
    console = Console()
    if not console.is_terminal:
        console.width = 160  # a file has no edge to break lines at
    console.print(f"{stored.source}", soft_wrap=True)
    for name, value in summary(stored).items():
        console.print(f"{name}: {value}", highlight=False)
    console.print(table)
    if stored.config:
        print(f"configuration:\n{yaml.safe_dump(stored.config, sort_keys=False)}", end="")


def read_parts(path: Path) -> dict[str, Any]:
    """What is in a checkpoint's file; the averaged weights by the names that they have in the network."""
    content = read(path)
    parts = {name: content[key] for name, key in PARTS.items() if content.get(key)}
    for name, prefix in (("network", "network."), ("average", "module.")):
        if name in parts:
            parts[name] = {
                key.removeprefix(prefix): value for key, value in parts[name].items() if key.startswith(prefix)
            }
    return parts


def summary(stored: checkpoint.Stored) -> dict[str, Any]:
    """What it is a checkpoint of, as far as its file says."""
    config, told = stored.config, {}
    denoiser = (config.get("pipeline") or {}).get("denoiser")
    if denoiser:
        told["denoiser"] = denoiser["_target_"].rpartition(".")[2]
        told["mask"] = denoiser.get("scheme", "canvas")
    told |= {name: config[name] for name in ("height", "width", "seed") if config.get(name) is not None}
    if stored.source.is_file():
        content = read(stored.source)
        told["step"] = content["global_step"]
        told |= {name: value for name, value in content.items() if name.endswith("Data")}
    return told


def tensors_of(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors anywhere in plain containers, by the path to them."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from tensors_of(child, f"{name}.{key}" if name else str(key))


def sha256(tensors: dict[str, Tensor]) -> str:
    """Over the names and bytes; of a network what `result.json` calls `denoiser_sha256`."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(value.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

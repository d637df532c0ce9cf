"""Folders that DeepSpeed's own saving wrote: in somebody's own loop, or under Lightning's strategy."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lightning.pytorch.utilities.deepspeed import convert_zero_checkpoint_to_fp32_state_dict

from humangen.checkpoint_files import write
from humangen.types import InputError


def consolidate(folder: Path, output: Path) -> None:
    """One file of a folder that DeepSpeed wrote. Its own reader unpickles: only for what you have trained yourself."""
    if not (folder / "latest").is_file():
        raise InputError(f"{folder} is not a folder that DeepSpeed wrote; every strategy here writes one whole file")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".") as temporary:  # it writes a file of its own
            content = convert_zero_checkpoint_to_fp32_state_dict(folder, Path(temporary) / output.name)
    except ModuleNotFoundError as error:
        raise InputError(f"{folder} is read by DeepSpeed, which is not installed: pip install deepspeed") from error
    names = {name: name.replace("pipeline.denoiser.", "network.", 1) for name in content["state_dict"]}
    kept = {new: content["state_dict"][old] for old, new in names.items() if new.startswith("network.")}
    write({**content, "state_dict": kept}, output)

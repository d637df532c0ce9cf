"""Results that nobody measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

PSNRS = {"a": 20.0, "b": 21.0, "c": 25.0}  # of three samples


def result(shift: float = 0.0, **changes: Any) -> dict[str, Any]:
    """An evaluation whose samples are `shift` dB better than `PSNRS`."""
    made = {
        "scores": {"psnr": 22.0 + shift, "l1": 0.05 - shift / 1000, "fid": "unavailable (file i.pth)"},
        "intervals": {"psnr": [21.0 + shift, 23.0 + shift], "l1": [0.04, 0.06]},
        "intervals_beside": {"repeat": {"psnr": [14.0, 16.5]}, "codec": {"psnr": [39.0, 41.5]}},
        "networks": {},
        "samples": 3,
        "keys_sha256": "k",
        "data_sha256": "d",
        "variants": {},
        "floors": {"repeat": {"psnr": 15.0, "l1": 0.1}, "isolated": {"psnr": 10.0 + shift, "l1": 0.2}},
        "ceilings": {"codec": {"psnr": 40.0, "l1": 0.01}},
        "protocol": {"id": "made_up", "version": 1, "metrics": ["psnr", "l1", "fid"]},
        "denoiser_sha256": "w",
        "sampler": {"solver": "ddim", "num_steps": 1},
        "guidance": 1.0,
        "seed": 0,
        "frames_per_clip": 1,
        "resolution": [64, 48],
        "seconds_per_sample": 1.0,
    }
    return made | changes


def leave(
    folder: Path,
    result: dict[str, Any] | None,
    *overrides: str,
    samples: dict[str, float] | None = None,
    metric: str = "psnr",
    frames: dict[str, int] | None = None,
    training: dict[str, Any] | None = None,
) -> Path:
    """Writes what an evaluation, or a job that failed, leaves in its folder: `samples` are scores by `metric`."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(list(overrides)))
    contents = {"result.json": result, "training.json": training}
    if samples:
        lengths = {key: {"frames": count} for key, count in (frames or {}).items()}
        contents["samples.json"] = {key: {metric: value} | lengths.get(key, {}) for key, value in samples.items()}
    for name, content in contents.items():
        if content is not None:
            (folder / name).write_text(json.dumps(content))
    return folder


def steps(number: int, solver: str = "ddim") -> dict[str, Any]:
    return {"sampler": {"solver": solver, "num_steps": number}}

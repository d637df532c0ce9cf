"""What configuration files compute: `${folder_name:...}` and the others, by the names of these functions."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
from collections.abc import Sequence

import torch

from humangen.objective import direction
from humangen.types import InputError

LONGEST = 160  # of a job's folder name; file systems end at 255 bytes
WORKER = re.compile(r"LokyProcess-(\d+)")  # what joblib calls its processes


def folder_name(overrides: str) -> str:
    """A job's overrides as the name of one folder, which no others have."""
    name = re.sub(r"[^\w.,=+~@-]", "-", overrides)[:LONGEST]
    return name if name == overrides else f"{name}-{hashlib.sha256(overrides.encode()).hexdigest()[:8]}"


def processes(devices: int | str | Sequence[int]) -> int:
    """The processes of a node under SLURM, one for each of its `devices`."""
    if isinstance(devices, str) and not devices.isdecimal():
        raise InputError(f"SLURM is told how many processes to start: give strategy.devices=N, not {devices}")
    return int(devices) if isinstance(devices, str | int) else len(devices)


def gpus(accelerator: str, count: int) -> int | None:
    """The GPUs of a node for `count` processes; None on the CPU."""
    return None if accelerator == "cpu" else count


def cpus(workers: int) -> int:
    """The cores of a process and its loader's `workers`."""
    return 1 + workers


def worker_gpu() -> str:
    """What CUDA_VISIBLE_DEVICES is in a worker of joblib's: one GPU, another one in each as far as they reach."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
    worker = WORKER.match(multiprocessing.current_process().name)
    every = visible.split(",")
    return every[(int(worker[1]) - 1) % len(every)] if worker else visible


def around(value: float | None, factor: float) -> str:
    """The interval from `value` / `factor` to `value` * `factor`, for an optuna sweep by orders of magnitude;
    nothing around None, and a search does not go over what is nothing."""
    if value is None:
        return ""
    return f"tag(log, interval({value / factor:g}, {value * factor:g}))"


def quarter(frames: int) -> int:
    """Of a window of `frames`, those that it has in common with the next."""
    return frames // 4


RESOLVERS = (folder_name, processes, gpus, cpus, worker_gpu, around, direction, quarter)

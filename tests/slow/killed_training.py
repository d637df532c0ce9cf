"""One rank of a training run in a process of its own, which others can kill; it says what it is doing."""

from __future__ import annotations

import multiprocessing as mp
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import train
from humangen import checkpoint_files
from humangen.tasks.animation import AnimationTask

PHASES = ("start", "step", "validation", "saving", "between")


def trains(config: dict[str, Any], phase: Any, rank: int, ranks: int, port: int) -> None:
    """`phase` is a shared number that tells where in `PHASES` this process is."""
    os.setsid()  # so that its loader workers are killed with it
    mp.set_start_method("fork", force=True)  # of those, as in a process that nobody forked
    log = os.open(Path(config["run_dir"]).with_suffix(f".{rank}.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    if ranks > 1:  # as torchrun would start it
        numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks, "GROUP_RANK": 0}
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "killed"}
        os.environ.update({name: str(value) for name, value in (numbers | where).items()})

    def telling(name: str, function: Callable) -> Callable:
        @wraps(function)
        def told(*args: Any, **options: Any) -> Any:
            phase.value = PHASES.index(name)
            try:
                return function(*args, **options)
            finally:
                phase.value = PHASES.index("between")

        return told

    AnimationTask.training_step = telling("step", AnimationTask.training_step)
    AnimationTask.validation_step = telling("validation", AnimationTask.validation_step)
    checkpoint_files.write = telling("saving", checkpoint_files.write)
    train.run(config)

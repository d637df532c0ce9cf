"""A warning where training waits for its data, with what would end it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Loading:
    """What a rank's batches come from: its `workers`, the `cores` that it has for them, and whether latents that were
    made beforehand could take the place of the pictures."""

    workers: int
    cores: int
    could_read_latents: bool


class DataBound:
    """Speaks once of waits that take `share` of the time, and again where they take as much more as that."""

    def __init__(self, *, share: float = 0.15) -> None:
        self.share = share
        self.said: float | None = None

    def warning(self, share: float, step: float, loading: Loading) -> str | None:
        """What to tell where `share` of a step of so many seconds is waiting; None if there is nothing new to tell."""
        if share < self.share + (self.said or 0.0):
            return None
        self.said = share
        seconds = f"{share * step:.3g} s of a step of {step:.3g} s"
        return f"training waits for data {share:.0%} of the time, {seconds}: {advice(share, loading)}"


def advice(share: float, loading: Loading) -> str:
    """Workers that are waited for are busy all the time, so their work and the time without waits tell how many would
    keep up; with none, the wait is the work."""
    needed = math.ceil((loading.workers or share) / (1 - share))
    more = f"data.num_workers={min(needed, loading.cores)} (now {loading.workers})"
    workers = f"about {needed} worker{'s' * (needed > 1)}"
    if needed <= loading.cores:
        return f"{workers} would keep up, take {more}"
    fixes = [f"take {more}"] if loading.workers < loading.cores else []
    if loading.could_read_latents:
        fixes.append("train from latents made beforehand (python -m data_prep latents, then data.shards=THEM)")
    else:
        fixes.append("prepare smaller pictures (python -m data_prep ... --size), or keep the shards on a faster disk")
    there = f"the {loading.cores} cores" if loading.cores > 1 else "the one core"
    return f"{workers} would keep up, more than {there} that a rank has for them: {', and '.join(fixes)}"


def cores_for_loading(ranks: int) -> int:
    """Cores of this machine for the workers of each of its `ranks`, one of each rank's aside for its training.

    Under SLURM a process may be bound to its own task's share, and a task may be one rank or torchrun with several:
    what all tasks of the machine were given together is shared by its ranks.
    """
    if each := os.environ.get("SLURM_CPUS_PER_TASK"):
        tasks, machines = (int(os.environ.get(name, "1")) for name in ("SLURM_NTASKS", "SLURM_NNODES"))
        cores = int(each) * max(1, tasks // machines)
    else:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // ranks - 1)

"""The devices that paint one video together: each predicts other windows, and all hold the same results."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor

Job = Callable[[], Tensor]


class Ranks(Protocol):
    """Does jobs, up to `count` of them side by side."""

    index: int
    count: int

    def map(self, jobs: list[Job], like: list[Tensor]) -> list[Tensor]:
        """The results of all jobs, each of the shape and type of its `like`."""
        ...


class OneRank:
    """This process alone."""

    index, count = 0, 1

    def map(self, jobs: list[Job], like: list[Tensor]) -> list[Tensor]:
        return [job() for job in jobs]


class ProcessGroup:
    """The processes that torchrun has started."""

    def __init__(self) -> None:
        self.index, self.count = dist.get_rank(), dist.get_world_size()

    def map(self, jobs: list[Job], like: list[Tensor]) -> list[Tensor]:
        plain = (
            torch.contiguous_format
        )  # what is sent is memory as it lies, and networks lay it out in ways of their own
        results = [
            job().to(each).contiguous()
            if number % self.count == self.index
            else torch.empty_like(each, memory_format=plain)
            for number, (job, each) in enumerate(zip(jobs, like, strict=True))
        ]
        for number, result in enumerate(results):
            dist.broadcast(result, src=number % self.count)
        return results


def joined_ranks() -> Ranks:
    """The process group that this process is in already, else this process alone."""
    return ProcessGroup() if dist.is_available() and dist.is_initialized() else OneRank()


def join_ranks(device: str) -> Ranks:
    """The process group of torchrun, else this process alone. Errors of the launch are torch's own."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return OneRank()
    if not dist.is_initialized():
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if device == "cuda" else "gloo")
    return ProcessGroup()

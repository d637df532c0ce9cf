"""Where the time of training steps goes, without a device ever being waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Protocol, Self

import torch

PHASES = ("data", "forward", "backward", "optimizer")


class Mark(Protocol):
    """A moment. It can be read once `lag` more windows of steps have gone by."""

    lag: ClassVar[int]

    def seconds_since(self, earlier: Self) -> float: ...


class HostMark:
    """Now, where work is done when its call returns."""

    lag: ClassVar[int] = 0

    def __init__(self) -> None:
        self.time = time.perf_counter()

    def seconds_since(self, earlier: Self) -> float:
        return self.time - earlier.time


class CudaMark:
    """When the device will have come to this place of its queue. The host runs ahead of the device, so that its own
    clock would find the work in whatever waits for the device next; asking the device would stop the host."""

    lag: ClassVar[int] = 1

    def __init__(self) -> None:
        self.event = torch.cuda.Event(enable_timing=True)
        self.event.record()

    def seconds_since(self, earlier: Self) -> float:
        self.event.synchronize()  # returns at once: the device came by a window ago
        return earlier.event.elapsed_time(self.event) / 1000


def mark_of(device: torch.device) -> type[Mark]:
    return CudaMark if device.type == "cuda" else HostMark


@dataclass(frozen=True)
class Step:
    """One optimiser step, all its accumulated batches: the phases that began, and when; the last mark is its end."""

    marks: list[tuple[str, Mark]]
    samples: int
    flops: int

    def seconds(self) -> dict[str, float]:
        """By phase; their sum is the time from end to end."""
        split = dict.fromkeys(PHASES, 0.0)
        for (phase, began), (_, ended) in pairwise(self.marks):
            split[phase] += ended.seconds_since(began)
        return split


class Stopwatch:
    """Follows the phases of one step after the other. What was interrupted, by a validation say, is no `Step`."""

    def __init__(self, mark: type[Mark]) -> None:
        self.mark = mark
        self.marks: list[tuple[str, Mark]] = []
        self.samples = self.flops = 0

    def enter(self, phase: str) -> None:
        if self.marks:
            self.marks.append((phase, self.mark()))

    def count(self, samples: int, flops: int) -> None:
        self.samples += samples
        self.flops += flops

    def interrupt(self) -> None:
        self.marks = []

    def finish(self) -> Step | None:
        """The step that ends here, if it was whole; the wait for data of the next one begins."""
        end = ("data", self.mark())
        step = Step([*self.marks, end], self.samples, self.flops) if self.marks else None
        self.marks, self.samples, self.flops = [end], 0, 0
        return step

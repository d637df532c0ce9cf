"""Painting batches for people to look at and metrics to score: what every job has of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.models.pipeline import Pipeline
from humangen.types import InputError

Batch = TypeVar("Batch")
Parts = TypeVar("Parts", bound=Pipeline)


@dataclass(frozen=True)
class Painter(ABC, Generic[Batch, Parts]):
    """A pipeline and how it is sampled. All paintings are clips (K, F, 3, H, W) in [-1, 1] for the K keys of a batch;
    the noise of each depends on (`seed`, its key) alone."""

    pipeline: Parts
    sampler: Sampler
    guidance: float = 1.0
    seed: int = 0
    needs: ClassVar[type[Pipeline]] = Pipeline  # what `pipeline` must be

    def __post_init__(self) -> None:
        if type(self.pipeline) is not self.needs:
            raise InputError(
                f"these weights are of a {type(self.pipeline).__name__}, this job needs a {self.needs.__name__}: "
                "name weights, or a protocol, of the same job"
            )

    @property
    def device(self) -> torch.device:
        return next(self.pipeline.denoiser.parameters()).device

    @abstractmethod
    def paint(self, batch: Batch) -> Tensor: ...

    @abstractmethod
    def paint_isolated(self, batch: Batch) -> Tensor:
        """Floor: the same weights without any reference."""

    def round_trip(self, truth: Tensor) -> Tensor:
        """Ceiling: the truth through the codec and back, a clip at a time."""
        return torch.stack([self.pipeline.codec.round_trip(clip) for clip in truth])

    @abstractmethod
    def sheet(self, painted: Tensor, batch: Batch) -> np.ndarray:
        """Samples side by side with what they were painted from and the truth, as one picture."""

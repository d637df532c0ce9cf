"""Painting batches for people to look at and metrics to score: what every job has of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.metrics.samples import SampleScores
from humangen.models.pipeline import Pipeline
from humangen.types import InputError

Batch = TypeVar("Batch")
Parts = TypeVar("Parts", bound=Pipeline)


@dataclass(frozen=True)
class Painter(ABC, Generic[Batch, Parts]):
    """A pipeline and how it is sampled, beside what it is measured against.

    All paintings, and the truth, are clips (K, F, 3, H, W) in [-1, 1] for the K keys of a batch.
    """

    pipeline: Parts
    sampler: Sampler
    guidance: float = 1.0
    seed: int = 0
    needs: ClassVar[type[Pipeline]] = Pipeline  # what `pipeline` must be
    floors: ClassVar[tuple[str, ...]]
    ceilings: ClassVar[tuple[str, ...]]

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
    def truth(self, batch: Batch) -> Tensor: ...

    @abstractmethod
    def paint_isolated(self, batch: Batch) -> Tensor:
        """Floor: the same weights without any reference."""

    @abstractmethod
    def bounds(self, batch: Batch) -> dict[str, Tensor]:
        """The floors and ceilings that need no denoising, by their names."""

    def variants(self, painted: Tensor, batch: Batch) -> dict[str, Tensor]:
        """What else may be made of a painting, by name."""
        return {}

    @abstractmethod
    def scores(self) -> SampleScores:
        """A metric that `compare` can update."""

    @abstractmethod
    def compare(self, scores: SampleScores, painted: Tensor, batch: Batch) -> None:
        """Adds to `scores` how near `painted` came to the truth of `batch`."""

    @abstractmethod
    def sheet(self, painted: Tensor, batch: Batch, count: int) -> np.ndarray:
        """The first `count` samples side by side with what they were painted from and the truth, as one picture."""

    @abstractmethod
    def keep(self, batch: Batch, folder: Path, *, count: int = 6) -> None:
        """Writes pictures of the first `count` samples, a folder each."""

    def round_trip(self, batch: Batch) -> Tensor:
        """Ceiling: the truth through the codec and back."""
        truth = self.truth(batch)
        latents = self.pipeline.encode_clips(truth)
        return self.pipeline.codec.decode(latents.flatten(0, 1)).view_as(truth)

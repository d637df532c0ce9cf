"""Several sets in one training: which set each sample of a stream is from, as a pure function of its number."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from humangen.data.clips import ClipSampler
from humangen.data.framing import Framing
from humangen.data.stream import Stream
from humangen.types import InputError

BLOCK = 4096  # draws that are made at once


@dataclass(frozen=True)
class Part:
    """A set of a mixture: the folder or URL of its shards, and its share of the samples, relative to the others'.
    `framing` and `sampler` are its own where the others' do not fit it."""

    shards: str
    weight: float = 1.0
    framing: Framing | None = None
    sampler: ClipSampler | None = None

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise InputError(f"the weight of {self.shards} is {self.weight}: it must be above 0, or the set left out")

    def framed(self, usual: Framing) -> Framing:
        """Its own framing, or the `usual` one; raises `InputError` where they do not fit into one batch."""
        framing = self.framing or usual
        if (framing.height, framing.width) != (usual.height, usual.width):
            raise InputError(
                f"the framing of {self.shards} makes pictures of {framing.height}x{framing.width}, the others "
                f"{usual.height}x{usual.width}: they go into one batch and must be of one size"
            )
        return framing


class Draws:
    """Of which of the sets with these `weights` each sample of a stream is."""

    def __init__(self, weights: Sequence[float], *, seed: int, stream: Stream) -> None:
        self.shares = np.array(weights) / np.sum(weights)
        self.seed, self.stream = seed, stream

    def _block(self, number: int) -> np.ndarray:
        random = np.random.default_rng([self.seed, self.stream.index, self.stream.count, number])
        return random.choice(len(self.shares), BLOCK, p=self.shares)

    def before(self, start: int) -> list[int]:
        """How many of the first `start` samples are of each set."""
        counts = np.zeros(len(self.shares), int)
        if len(counts) == 1:
            return [start]
        for number in range(-(-start // BLOCK)):
            counts += np.bincount(self._block(number)[: start - number * BLOCK], minlength=len(counts))
        return counts.tolist()

    def after(self, start: int) -> Iterator[int]:
        """The set of each sample from number `start` on, without end."""
        for number in itertools.count(start // BLOCK):
            yield from self._block(number)[max(0, start - number * BLOCK) :].tolist()

"""Scores of samples by their keys: means that no batch, rank or repeated sample changes, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributed import get_rank, is_available, is_initialized
from torchmetrics import Metric

from humangen.metrics.video import drift_columns, quarters
from humangen.types import InputError

FRAMES = "frames"
FEWEST = 2  # samples that an interval is of


@dataclass(frozen=True)
class Table:
    """The scores of N samples under M names: sums and counts (N, M) of each sample's values, in the order of `keys`.

    A sample without a value (no figure in it, say) counts 0 under that name.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    sums: np.ndarray
    counts: np.ndarray

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """The names under which there is any value."""
        return tuple(name for name, count in zip(self.names, self.counts.sum(0), strict=True) if count)

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The means (N,) of the samples under a name, nan where there are none, and of how many values."""
        at = self.names.index(name)
        sums, counts = self.sums[:, at], self.counts[:, at]
        return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0), counts

    def means(self) -> dict[str, float]:
        """By name, the mean over all values: over frames where a sample is a clip."""
        sums, counts = self.sums.sum(0), self.counts.sum(0)
        return {name: float(sums[at] / counts[at]) for at, name in enumerate(self.names) if counts[at]}

    def intervals(self, names: Iterable[str], *, seed: int) -> dict[str, tuple[float, float]]:
        """By those of `names` that two samples have a value of, the interval of the mean; samples are drawn whole,
        since the frames of a clip are alike."""
        columns = {name: self.column(name) for name in names if name in self.shown}
        return {
            name: interval(values, weights=counts, seed=seed)
            for name, (values, counts) in columns.items()
            if (counts > 0).sum() >= FEWEST
        }

    def samples(self) -> dict[str, dict[str, float]]:
        """The means of each sample, by key and name."""
        columns = {name: self.column(name)[0] for name in self.shown}
        return {
            key: {name: float(values[at]) for name, values in columns.items() if not np.isnan(values[at])}
            for at, key in enumerate(self.keys)
        }


def interval(
    values: Sequence[float] | np.ndarray,
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
    weights: Sequence[float] | np.ndarray | None = None,
) -> tuple[float, float]:
    """Low and high end of the percentile bootstrap interval (Efron 1979) of the mean of one value per sample.

    Missing values (nan) are left out; `weights` are those of the mean. A few samples give too narrow an interval.
    """
    numbers = np.asarray(values, np.float64)
    shares = np.ones(len(numbers)) if weights is None else np.asarray(weights, np.float64)
    known = ~np.isnan(numbers) & (shares > 0)
    numbers, shares = numbers[known], shares[known]
    if len(numbers) < FEWEST:
        raise InputError(f"an interval needs {FEWEST} samples with a value, since one says nothing of others")
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    for at in range(resamples):  # one by one: all at once would need resamples x N numbers
        chosen = generator.integers(len(numbers), size=len(numbers))
        means[at] = (numbers[chosen] * shares[chosen]).sum() / shares[chosen].sum()
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


class SampleScores(Metric):
    """Means over samples, whose scores are kept by key: 16 bytes a score. A metric's `update` hands them to `add`.
    Scores named in `drift`, values of the frames of clips, are kept for each quarter of the clips too.

    Every rank gets the scores of all of them in the order of their keys. A key counts once, so the samples that a
    distributed sampler repeats to even out its ranks do not, and the sums are the same bits on any number of ranks.
    """

    full_state_update = False
    names: list[Tensor]
    scores: list[Tensor]

    def __init__(self, columns: Sequence[str], *, drift: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self.drift = tuple(drift)
        self.columns = (*columns, *(column for name in drift for column in drift_columns(name)))
        self.add_state("names", [], dist_reduce_fx="cat")
        self.add_state("scores", [], dist_reduce_fx="cat")

    def add(self, keys: Sequence[str] | None, values: dict[str, Tensor]) -> None:
        """Values by name, each (K,) or (K, n), of K samples; nan is none. A key may not occur in two meanings.

        Without `keys` every sample counts as another one.
        """
        for name in self.drift:
            values = values | dict(zip(drift_columns(name), quarters(values[name]), strict=True))
        rows = torch.stack([self._row(values.get(name), values) for name in self.columns], 1)
        keys = self._unnamed(len(rows)) if keys is None else list(keys)
        if len(keys) != len(rows):
            raise InputError(f"{len(rows)} samples were scored under {len(keys)} keys")
        if any("\n" in key or not key for key in keys):
            raise InputError("the key of a sample is a line of text, and not empty")
        text = "".join(f"{key}\n" for key in keys).encode()
        self.names.append(torch.tensor(list(text), dtype=torch.uint8, device=rows.device))
        self.scores.append(rows)

    def _row(self, values: Tensor | None, others: dict[str, Tensor]) -> Tensor:
        """Sum and count (K, 2) of each sample's values."""
        if values is None:
            other = next(iter(others.values()))
            return torch.zeros(len(other), 2, dtype=torch.float64, device=other.device)
        values = values.double().reshape(len(values), -1)
        known = ~values.isnan()
        return torch.stack([values.nan_to_num(0.0).sum(1), known.sum(1).double()], 1)

    def _unnamed(self, count: int) -> list[str]:
        rank = get_rank() if is_available() and is_initialized() else 0
        begin = sum(len(rows) for rows in self.scores)
        return [f"{rank:04d}:{begin + at:09d}" for at in range(count)]

    def sync(self, *arguments: Any, **options: Any) -> None:
        """As torchmetrics', whose filler for a rank without samples is float32 (0,), which fits no other rank's."""
        if not self._is_synced and not self.names:
            self.names.append(torch.zeros(0, dtype=torch.uint8, device=self.device))
            self.scores.append(torch.zeros(0, len(self.columns), 2, dtype=torch.float64, device=self.device))
        super().sync(*arguments, **options)

    def table(self) -> Table:
        """The scores of all samples of all ranks; every rank has to ask."""
        with self.sync_context(should_unsync=not self._is_synced, should_sync=not self._is_synced):
            return self._merged()

    def _merged(self) -> Table:
        parts = [self.names] if isinstance(self.names, Tensor) else self.names
        rows = [self.scores] if isinstance(self.scores, Tensor) else self.scores
        text = b"".join(part.cpu().numpy().tobytes() for part in parts).decode()
        keys = text.split("\n")[:-1]
        first = dict(reversed([(key, at) for at, key in enumerate(keys)]))
        order = [first[key] for key in sorted(first)]
        scores = torch.cat(list(rows)).cpu().numpy() if keys else np.zeros((0, len(self.columns), 2))
        return Table(tuple(sorted(first)), self.columns, scores[order, :, 0], scores[order, :, 1])

    def compute(self) -> dict[str, float]:
        """By name, the mean over all values; names without any are left out."""
        return self.table().means()


class Lengths(SampleScores):
    """How many frames each sample has."""

    def __init__(self) -> None:
        super().__init__((FRAMES,))

    def update(self, clips: Tensor, *, keys: Sequence[str]) -> None:
        """Clips (K, F, 3, H, W) and their keys."""
        self.add(keys, {FRAMES: torch.full((len(clips),), float(clips.shape[1]), device=clips.device)})

    def compute(self) -> dict[str, int]:  # type: ignore[override]
        """By key."""
        return {key: int(values[FRAMES]) for key, values in self._merged().samples().items()}

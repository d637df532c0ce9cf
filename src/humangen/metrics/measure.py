"""All metrics of one way to paint, updated together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from humangen.metrics.features import Extractor, Score
from humangen.metrics.samples import FRAMES, Lengths, SampleScores, Table
from humangen.metrics.video import drift_columns


@dataclass
class Measure:
    """`scores` are those that no network is needed for, `networks` the others by name; `unavailable` says of metrics
    that cannot run here what they lack. The scores of the networks in `drift` are also given by quarters of the clips,
    those in `hidden` only so. `lengths` keeps how many frames each sample has."""

    scores: SampleScores
    networks: dict[str, Metric]
    unavailable: dict[str, str]
    drift: Sequence[str] = ()
    hidden: Sequence[str] = ()
    lengths: Lengths = field(default_factory=Lengths)

    def to(self, device: torch.device) -> Measure:
        networks = {name: metric.to(device) for name, metric in self.networks.items()}
        return replace(self, scores=self.scores.to(device), networks=networks, lengths=self.lengths.to(device))

    def see(
        self,
        painted: Tensor,
        truth: Tensor,
        keys: Sequence[str],
        instead: Mapping[str, tuple[Tensor, Tensor]] = MappingProxyType({}),
    ) -> None:
        """Shows clips (K, F, 3, H, W) in [-1, 1] to the networks; the metrics named in `instead` compare other two."""
        self.lengths.update(truth, keys=keys)
        for name, metric in self.networks.items():
            if name in instead:
                metric.update(*instead[name], keys=keys)
            else:
                metric.update(painted, truth, keys=_row_keys(metric, keys, truth.shape[1]))

    def of_samples(self) -> set[str]:
        """The names of the scores that each sample has, and no set of them."""
        return {*self.scores.columns, *self._frame_scores()}

    def _frame_scores(self) -> dict[str, SampleScores]:
        """The networks that score each frame; the first column of their tables is the score."""
        return {name: metric for name, metric in self.networks.items() if isinstance(metric, SampleScores)}

    def _shown(self, name: str) -> dict[str, str]:
        """Of a network's score and its drift what they are called, and by it the column of its table."""
        column = self._frame_scores()[name].columns[0]
        parts = zip(drift_columns(name), drift_columns(column), strict=True) if name in self.drift else ()
        return ({} if name in self.hidden else {name: column}) | dict(parts)

    def table(self) -> Table:
        return self.scores.table()

    def frames(self) -> dict[str, int]:
        """How many frames each sample has, by its key."""
        return self.lengths.compute()

    def samples(self) -> dict[str, dict[str, float]]:
        """The scores of each sample by its key, and how many `frames` it has; a distance of sets has none."""
        found: dict[str, dict[str, float]] = {key: {FRAMES: frames} for key, frames in self.frames().items()}
        for key, values in self.table().samples().items():
            found.setdefault(key, {}).update(values)
        for name, metric in self._frame_scores().items():
            for key, values in metric.table().samples().items():
                own = {shown: values[column] for shown, column in self._shown(name).items() if column in values}
                found.setdefault(key, {}).update(own)
        return found

    def compute(self) -> dict[str, Any]:
        """Numbers by name; for metrics that cannot run here what they lack, and for those that have no value of these
        samples, why."""
        values = {name: metric.compute() for name, metric in self.networks.items()}
        numbers: dict[str, Any] = {name: _told(value) for name, value in values.items() if name not in self.hidden}
        for name in self.drift:
            means = self._frame_scores()[name].table().means()
            numbers |= {shown: means[column] for shown, column in self._shown(name).items() if column in means}
        return {**self.scores.compute(), **numbers, **self.unavailable}

    def intervals(self, *, seed: int) -> dict[str, tuple[float, float]]:
        """95 % of the scores that are means over samples, by name: a largest value or a distance of sets is none."""
        table = self.table()
        drawn = table.intervals([name for name in table.shown if not name.startswith("max_")], seed=seed)
        for name, metric in self._frame_scores().items():
            columns = self._shown(name)
            ends = metric.table().intervals(columns.values(), seed=seed)
            drawn |= {shown: ends[column] for shown, column in columns.items() if column in ends}
        return drawn

    def details(self) -> dict[str, Any]:
        """What else a network's number comes with: how many samples, whose weights, what to know."""
        return {
            name: {k: v for k, v in metric.compute().items() if k != "value"} for name, metric in self.networks.items()
        }


def _row_keys(metric: Metric, keys: Sequence[str], num_frames: int) -> Sequence[str]:
    extractor = getattr(metric, "extractor", None)
    return extractor.row_keys(keys, num_frames) if isinstance(extractor, Extractor) else keys


def _told(score: Score) -> float | str:
    """A score's number, or why it is none."""
    return score["value"] if math.isfinite(score["value"]) else f"undefined ({score.get('note', 'it is no number')})"

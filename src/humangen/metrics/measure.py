"""All metrics of one way to paint, updated together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from humangen.metrics.samples import SampleScores, Table
from humangen.metrics.video import clip_windows


@dataclass(frozen=True)
class Windows:
    """How clips are cut for metrics of whole clips: every whole window of `length` frames, `stride` apart."""

    length: int = 16
    stride: int = 16

    def cut(self, clips: Tensor, keys: Sequence[str]) -> tuple[Tensor, list[str]]:
        """Clips (K, F, 3, H, W) to windows (W, length, 3, H, W) and a key for each; a clip that is shorter is one."""
        ranges = clip_windows(clips.shape[1], self.length, self.stride) or [range(clips.shape[1])]
        parts = torch.stack([clips[:, window.start : window.stop] for window in ranges], dim=1).flatten(0, 1)
        return parts, [f"{key}@{window.start}" for key in keys for window in ranges]


@dataclass
class Measure:
    """`scores` are those that no network is needed for, `networks` the others by name; `unavailable` says of metrics
    that cannot run here what they lack."""

    scores: SampleScores
    networks: dict[str, Metric]
    unavailable: dict[str, str]
    windows: Windows = field(default_factory=Windows)

    def to(self, device: torch.device) -> Measure:
        networks = {name: metric.to(device) for name, metric in self.networks.items()}
        return Measure(self.scores.to(device), networks, self.unavailable, self.windows)

    def see(
        self,
        painted: Tensor,
        truth: Tensor,
        keys: Sequence[str],
        instead: Mapping[str, tuple[Tensor, Tensor]] = MappingProxyType({}),
    ) -> None:
        """Shows clips (K, F, 3, H, W) in [-1, 1] to the networks, in windows where a network takes whole clips; the
        metrics named in `instead` compare other two."""
        parts, part_keys = self.windows.cut(painted, keys)
        true_parts, _ = self.windows.cut(truth, keys)
        for name, metric in self.networks.items():
            if name in instead:
                metric.update(*instead[name], keys=keys)
            elif getattr(getattr(metric, "extractor", None), "whole_clips", False):
                metric.update(parts, true_parts, keys=part_keys)
            else:
                metric.update(painted, truth, keys=keys)

    def of_samples(self) -> set[str]:
        """The names of the scores that each sample has, and no set of them."""
        networks = {name for name, metric in self.networks.items() if isinstance(metric, SampleScores)}
        return {*self.scores.columns, *networks}

    def table(self) -> Table:
        return self.scores.table()

    def samples(self) -> dict[str, dict[str, float]]:
        """The scores of each sample by its key; a distance of sets has none."""
        found = self.table().samples()
        for name, metric in self.networks.items():
            if isinstance(metric, SampleScores):
                table = metric.table()
                values = dict(zip(table.keys, table.column(table.names[0])[0], strict=True))
                for key, value in values.items():
                    found.setdefault(key, {}).update({} if isnan(value) else {name: float(value)})
        return found

    def compute(self) -> dict[str, Any]:
        """Numbers by name, and for metrics that cannot run here what they lack."""
        values = {name: metric.compute() for name, metric in self.networks.items()}
        numbers = {name: value["value"] for name, value in values.items()}
        return {**self.scores.compute(), **numbers, **self.unavailable}

    def intervals(self, *, seed: int) -> dict[str, tuple[float, float]]:
        """95 % of the scores that are means over samples, by name: a largest value or a distance of sets is none."""
        drawn = self.table().intervals(seed=seed)
        for name, metric in self.networks.items():
            if isinstance(metric, SampleScores):
                own = [*metric.table().intervals(seed=seed).values()]
                drawn |= {name: own[0]} if own else {}
        return {name: ends for name, ends in drawn.items() if not name.startswith("max_")}

    def details(self) -> dict[str, Any]:
        """What else a network's number comes with: how many samples, whose weights, what to know."""
        return {
            name: {k: v for k, v in metric.compute().items() if k != "value"} for name, metric in self.networks.items()
        }

"""Kernel distance between the features of predictions and of truths: `kid` and `kvd`, by the extractor.

Why not torchmetrics' KernelInceptionDistance: its states crash or hang when ranks see different numbers of batches,
its subsets depend on the order of samples and on the global seed, and it takes no path to the weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from humangen.metrics.features import Extractor, Score

SUBSETS, SUBSET_SIZE, SEED = 100, 1000, 2020  # torch-fidelity's own
STATES = ("prediction", "truth")


class KernelDistance(Metric):
    """Unbiased squared maximum mean discrepancy with the kernel (x y / D + 1)^3 (Binkowski et al. 2018).

    Up to 1000 samples a side it is that of all of them, once; beyond, the mean over 100 subsets of 1000 of each side,
    drawn without replacement by numpy's RandomState(2020) from the samples in the order of their ids: torch-fidelity's
    convention, made independent of batches and ranks. It can be negative. Keeps all features: 4 N D bytes a side.
    """

    full_state_update = False

    def __init__(self, extractor: Extractor) -> None:
        super().__init__()
        self.extractor = extractor
        for side in STATES:
            self.add_state(f"{side}_features", [], dist_reduce_fx="cat")
            self.add_state(f"{side}_ids", [], dist_reduce_fx="cat")

    def update(
        self, prediction: Tensor, truth: Tensor, *, keys: Sequence[str], truth_keys: Sequence[str] | None = None
    ) -> None:
        """Clips (K, F, 3, H, W) in [-1, 1] and a key for each; `truth_keys` where those of the truths are others."""
        for side, clips, names in zip(STATES, (prediction, truth), (keys, truth_keys or keys), strict=True):
            features = self.extractor(clips)
            if len(features):
                getattr(self, f"{side}_features").append(features)
                getattr(self, f"{side}_ids").append(sample_ids(names, len(features)).to(features.device))

    def compute(self) -> Score:
        prediction, truth = (self._sorted(side) for side in STATES)
        score = Score(value=float("nan"), samples=len(prediction), network=self.extractor.name,
                      sha256=self.extractor.sha256)  # fmt: skip
        if min(len(prediction), len(truth)) < 2:
            return score | {"note": "two samples of each side are needed"}
        values = subset_discrepancies(prediction, truth)
        return score | {"value": float(np.mean(values)), "deviation": float(np.std(values))}

    def _sorted(self, side: str) -> Tensor:
        """The features (N, D), float64, by their ids; a sample that came twice is there once."""
        features, ids = (_whole(getattr(self, f"{side}_{what}")) for what in ("features", "ids"))
        if features is None or ids is None:
            return torch.zeros(0, self.extractor.dim, dtype=torch.float64)
        places = {int(name): place for place, name in enumerate(ids)}
        return features[[places[name] for name in sorted(places)]].double()

    def _sync_dist(self, *arguments: Any, **options: Any) -> None:
        """torchmetrics fills the state of an empty rank with a 1-D float tensor, which cannot be gathered with
        features of two dimensions or with whole numbers."""
        for side in STATES:
            if not getattr(self, f"{side}_ids"):
                setattr(self, f"{side}_features", [torch.zeros(0, self.extractor.dim, device=self.device)])
                setattr(self, f"{side}_ids", [torch.zeros(0, dtype=torch.long, device=self.device)])
        super()._sync_dist(*arguments, **options)


def sample_ids(keys: Sequence[str], rows: int) -> Tensor:
    """A number (rows,), int64, for each row of the clips that `keys` name: of its clip and its place in it."""
    each = rows // len(keys)
    names = (f"{key}/{place}" for key in keys for place in range(each))
    digests = [hashlib.sha256(name.encode()).digest()[:8] for name in names]
    return torch.tensor([int.from_bytes(digest, "big", signed=True) for digest in digests])


def subset_discrepancies(one: Tensor, other: Tensor, *, size: int = SUBSET_SIZE, count: int = SUBSETS) -> list[float]:
    """The discrepancies of `count` subsets of features (N, D) and (M, D); that of all where no side has more than
    `size`."""
    if max(len(one), len(other)) <= size:
        return [discrepancy(one, other)]
    size = min(size, len(one), len(other))
    chooser = np.random.RandomState(SEED)
    values = []
    for _ in range(count):
        first = chooser.choice(len(one), size, replace=False)
        second = chooser.choice(len(other), size, replace=False)
        values.append(discrepancy(one[first], other[second]))
    return values


def discrepancy(one: Tensor, other: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy of features (N, D) and (M, D), float64: pairs of a sample with itself
    are left out."""
    within = sum(_mean_of_pairs(each) for each in (one, other))
    return float(within - 2 * _kernel(one, other).mean())


def _mean_of_pairs(features: Tensor) -> Tensor:
    kernel, count = _kernel(features, features), len(features)
    return (kernel.sum() - kernel.trace()) / (count * (count - 1))


def _kernel(one: Tensor, other: Tensor) -> Tensor:
    return (one @ other.T / one.shape[1] + 1) ** 3


def _whole(state: list[Tensor] | Tensor) -> Tensor | None:
    """A state as one tensor, as it is before and after a gather; None where nothing came."""
    if isinstance(state, Tensor):
        return state
    return torch.cat(state) if state else None

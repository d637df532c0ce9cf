"""Frechet distance between the features of predictions and of truths: `fid`, `fvd` and their like, by the extractor.

Why not torchmetrics' FrechetInceptionDistance: it takes the eigenvalues of a product that is not symmetric, seven
times as slow at 2048 features, it resizes for Inception otherwise than the reference codes do, and says nothing where
the covariance is singular. Why not torch-fidelity's: it reads folders in one process.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from humangen.metrics.features import Extractor, Score

PREDICTION, TRUTH = 0, 1


class FrechetDistance(Metric):
    """Of Gaussians with the mean and covariance (over N - 1) of both sides' features.

    Keeps sums of features and of their outer products in float64: 16 D^2 bytes a side whatever N is, and the same
    result for any batches and ranks. So it cannot tell a sample that comes twice: give every one once.
    """

    full_state_update = False
    sums: Tensor  # 2 D
    products: Tensor  # 2 D D
    counts: Tensor  # 2

    def __init__(self, extractor: Extractor) -> None:
        super().__init__()
        self.extractor = extractor
        dim = extractor.dim
        self.add_state("sums", torch.zeros(2, dim, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("products", torch.zeros(2, dim, dim, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("counts", torch.zeros(2, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, truth: Tensor, *, keys: Sequence[str] | None = None) -> None:
        """Clips (K, F, 3, H, W) in [-1, 1], not necessarily as many on both sides; `keys` are not looked at."""
        for side, clips in ((PREDICTION, prediction), (TRUTH, truth)):
            features = self.extractor(clips).double()
            self.sums[side] += features.sum(0)
            self.products[side] += features.T @ features
            self.counts[side] += len(features)

    def compute(self) -> Score:
        samples = [int(count) for count in self.counts]
        score = Score(value=float("nan"), samples=samples[PREDICTION], network=self.extractor.name,
                      sha256=self.extractor.sha256)  # fmt: skip
        if min(samples) < 2:
            return score | {"note": f"a covariance needs two samples, and there are {samples[0]} and {samples[1]}"}
        means = self.sums / self.counts[:, None]
        covariances = [self._covariance(side, means[side]) for side in (PREDICTION, TRUTH)]
        score["value"] = frechet_distance(means[0], covariances[0], means[1], covariances[1])
        return score | sample_note(samples, self.extractor.dim)

    def _covariance(self, side: int, mean: Tensor) -> Tensor:
        count = self.counts[side]
        return (self.products[side] - count * torch.outer(mean, mean)) / (count - 1)


def frechet_distance(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """Squared 2-Wasserstein distance of two Gaussians (Dowson and Landau 1982): means (D,), covariances (D, D), all
    float64.

    The trace of the root of a product A B is that of the symmetric A^(1/2) B A^(1/2), whose eigenvalues are real.
    """
    values, vectors = torch.linalg.eigh(covariance)
    half = vectors * values.clamp(min=0).sqrt()  # A^(1/2) up to a rotation, which the trace does not see
    shared = torch.linalg.eigvalsh(half.T @ other_covariance @ half).clamp(min=0).sqrt().sum()
    apart = (mean - other_mean).square().sum()
    return max(0.0, float(apart + covariance.trace() + other_covariance.trace() - 2 * shared))


def sample_note(samples: Sequence[int], dim: int) -> Score:
    """What a person must know about a distance from so few samples; nothing where there are enough of both."""
    if min(samples) > dim:
        return {}  # type: ignore[typeddict-item]
    count = " and ".join(str(each) for each in dict.fromkeys(samples))
    note = f"covariance is singular: {count} samples, {dim} features; compare only at equal numbers"
    return {"note": note}  # type: ignore[typeddict-item]

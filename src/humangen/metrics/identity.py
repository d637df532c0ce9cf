"""Whether a prediction still shows the same: the cosine of embeddings of its frames and of the truth's, `clip_i`,
`dino` and `arcface`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from humangen.metrics.features import Extractor, Score, mean_score
from humangen.metrics.samples import SampleScores


class CosineSimilarity(SampleScores):
    """The mean over frames of the cosine in [-1, 1] of the two embeddings of each; those of a clip are kept by key."""

    def __init__(self, extractor: Extractor) -> None:
        super().__init__(("cosine",))
        self.extractor = extractor

    def update(self, prediction: Tensor, truth: Tensor, *, keys: Sequence[str] | None = None) -> None:
        """Clips (K, F, 3, H, W) in [-1, 1] and their keys."""
        if prediction.numel():
            cosines = cosine_similarity(self.extractor(prediction).double(), self.extractor(truth).double())
            self.add(keys, {"cosine": cosines.unflatten(0, prediction.shape[:2])})

    def compute(self) -> Score:  # type: ignore[override]
        return mean_score(self._merged(), "cosine", self.extractor)


class FaceNetwork(Protocol):
    """Finds the face in a frame and describes it."""

    name: str
    sha256: str

    def __call__(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (N, 3, H, W) in [-1, 1] -> embeddings (N, D), and whether there is a face (N,), bool."""


class FaceSimilarity(SampleScores):
    """The mean cosine over the frames where both pictures show a face, and how many those are.

    `detection_rate` is the share of the frames with a face in the truth in which the prediction shows one too: a
    cosine of the few faces that came out well says little. nan where there is no pair of faces.
    """

    def __init__(self, network: FaceNetwork) -> None:
        super().__init__(("cosine", "detected", "true_face"))
        self.network = network

    def update(self, prediction: Tensor, truth: Tensor, *, keys: Sequence[str] | None = None) -> None:
        """Clips (K, F, 3, H, W) in [-1, 1] and their keys."""
        if not prediction.numel():
            return
        (ours, found), (theirs, wanted) = (self.network(clips.flatten(0, 1)) for clips in (prediction, truth))
        cosines = cosine_similarity(ours.double(), theirs.double())
        missing = torch.full_like(cosines, float("nan"))
        values = {
            "cosine": torch.where(found & wanted, cosines, missing),
            "detected": torch.where(wanted, found.double(), missing),
            "true_face": wanted.double(),
        }
        self.add(keys, {name: each.unflatten(0, prediction.shape[:2]) for name, each in values.items()})

    def compute(self) -> Score:  # type: ignore[override]
        table = self._merged()
        counts = {name: int(table.column(name)[1].sum()) for name in table.names}
        score = mean_score(table, "cosine", self.network)
        score["detection_rate"] = table.means().get("detected", float("nan"))
        score["note"] = (
            f"{counts['true_face']} frames, {counts['detected']} with a true face, {counts['cosine']} in both"
        )
        return score

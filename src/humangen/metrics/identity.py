"""Whether a prediction still shows the same: the cosine of embeddings of its frames and of the truth's, `clip_i`,
`dino` and `arcface`; and how often the face is there at all, `arcface_detected`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from humangen.metrics.features import Extractor, Score, mean_score
from humangen.metrics.samples import SampleScores


class CosineSimilarity(SampleScores):
    """The mean over frames of the cosine in [-1, 1] of the two embeddings of each; those of a clip are kept by key."""

    def __init__(self, extractor: Extractor) -> None:
        super().__init__(("cosine",), drift=("cosine",))
        self.extractor = extractor

    def update(self, prediction: Tensor, truth: Tensor, *, keys: Sequence[str] | None = None) -> None:
        """Clips (K, F, 3, H, W) in [-1, 1] and their keys."""
        if prediction.numel():
            cosines = cosine_similarity(self.extractor(prediction).double(), self.extractor(truth).double())
            self.add(keys, {"cosine": cosines.unflatten(0, prediction.shape[:2])})

    def compute(self) -> Score:  # type: ignore[override]
        return mean_score(self._merged(), "cosine", self.extractor)


class FaceScores(SampleScores):
    """The mean over frames of `column`; `detection_rate` is the share of the frames with a face in the truth in which
    the prediction shows one too. nan where there are none.

    The features of a frame are the embedding of its face, zeros where there is none, and behind it 1 or 0, whether
    there is a face.
    """

    column: ClassVar[str]

    def __init__(self, extractor: Extractor) -> None:
        others = [name for name in ("cosine", "detected", "true_face") if name != self.column]
        super().__init__((self.column, *others), drift=(self.column,))
        self.extractor = extractor

    def update(self, prediction: Tensor, truth: Tensor, *, keys: Sequence[str] | None = None) -> None:
        """Clips (K, F, 3, H, W) in [-1, 1] and their keys."""
        if not prediction.numel():
            return
        ours, theirs = (self.extractor(clips).double() for clips in (prediction, truth))
        found, wanted = ours[:, -1] > 0, theirs[:, -1] > 0
        cosines = cosine_similarity(ours[:, :-1], theirs[:, :-1])
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
        score = mean_score(table, self.column, self.extractor)
        if not counts["detected"]:
            return score | {"note": "no face was found in the truth"}
        score["detection_rate"] = table.means()["detected"]
        if not counts[self.column]:
            return score | {"note": "no true face was found in what was painted"}
        score["note"] = (
            f"{counts['true_face']} frames, {counts['detected']} with a true face, {counts['cosine']} in both"
        )
        return score


class FaceSimilarity(FaceScores):
    """The cosine in [-1, 1] of the faces of the frames where both pictures show one: of the few that came out well it
    says little, so look at `DetectedFaces` too."""

    column = "cosine"


class DetectedFaces(FaceScores):
    """The share of the frames with a face in the truth in which the prediction shows one too: 0 to 1."""

    column = "detected"

"""Whether the painted figure stands as the driver does: keypoints of the body, found in the painted frames and in the
true ones by the same detector, `pose_error` and `pose_missing`.

The true frame stands for the driver, as in the field's average keypoint distance (AKD), so that the detector's own
bias is on both sides and folders without keypoints can be scored. Distances are in sizes of the true figure, the
longer side of the box around its keypoints, which no painting changes, and which pictures of any resolution share.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from humangen.metrics.features import Extractor, Score, mean_score, to_bytes
from humangen.metrics.samples import SampleScores
from humangen.pose.estimators import BodyFinder
from humangen.pose.keypoints import BODY, VISIBLE

JOINTS = BODY.stop
WRONG = 0.2  # sizes of the figure: from there on a keypoint is wrong (PCK@0.2, Yang and Ramanan 2013)
FEWEST = 3  # keypoints that make a figure


class BodyKeypoints(Extractor):
    """Keypoints as features: x, y in [0, 1] and a confidence of each of the 18 of the body, 0 where there is none."""

    dim = 3 * JOINTS

    def __init__(self, finder: BodyFinder, name: str, sha256: str) -> None:
        super().__init__(name, sha256)
        self.finder = finder

    def network_features(self, rows: Tensor) -> Tensor:
        pictures = to_bytes(rows).permute(0, 2, 3, 1).cpu().numpy()
        found = np.stack([self.finder.body(np.ascontiguousarray(picture)) for picture in pictures])
        return torch.from_numpy(found).flatten(1).to(rows.device)


def dwpose_keypoints(file: Path, sha256: str, detector: Path, detector_sha256: str) -> BodyKeypoints:
    """DWPose's: of the largest and surest person of a frame."""
    from humangen.pose.dwpose import DWPoseEstimator

    finder = DWPoseEstimator(detector, file, sha256)
    return BodyKeypoints(finder, f"{finder.name}, people by {detector.stem}@{detector_sha256[:8]}", sha256)


def mediapipe_keypoints(file: Path, sha256: str, detector: Path, detector_sha256: str) -> BodyKeypoints:
    """mediapipe's, which reads its files itself, from where they are here."""
    from humangen.pose.mediapipe import MediapipeBody

    finder = MediapipeBody()
    name = f"{finder.name} {file.stem}@{sha256[:8]}, people by {detector.stem}@{detector_sha256[:8]}"
    return BodyKeypoints(finder, name, sha256)


def keypoint_distances(painted: Tensor, true: Tensor, height: int, width: int) -> Tensor:
    """Distances (N, 18) of painted from true keypoints (N, 18, 3), of frames `height` x `width`, in sizes of the true
    figure: inf where the painting does not show a keypoint, nan where the truth does not, or shows no figure."""
    sides = true.new_tensor([width, height])
    seen = true[..., 2] >= VISIBLE
    places = true[..., :2] * sides
    low = places.masked_fill(~seen[..., None], torch.inf).amin(1)
    high = places.masked_fill(~seen[..., None], -torch.inf).amax(1)
    size = (high - low).amax(1)
    figure = (seen.sum(1) >= FEWEST) & (size > 0)
    distances = (painted[..., :2] * sides - places).norm(dim=-1) / size[:, None]
    distances = distances.masked_fill(painted[..., 2] < VISIBLE, torch.inf)
    return distances.masked_fill(~(seen & figure[:, None]), torch.nan)


class KeypointScores(SampleScores):
    """The mean over frames of what `score` makes of a frame's keypoints; a frame whose truth shows no figure has none.

    `column` is the name of the score; beside it the frames are counted, for the note.
    """

    column: ClassVar[str]

    def __init__(self, extractor: Extractor) -> None:
        super().__init__((self.column, "apart", "figure", "found"), drift=(self.column,))
        self.extractor = extractor

    def update(self, prediction: Tensor, truth: Tensor, *, keys: Sequence[str] | None = None) -> None:
        """Clips (K, F, 3, H, W) in [-1, 1] and their keys."""
        if not prediction.numel():
            return
        painted, true = (self.extractor(clips).double().unflatten(1, (JOINTS, 3)) for clips in (prediction, truth))
        distances = keypoint_distances(painted, true, *prediction.shape[-2:])
        figure = ~distances.isnan().all(1)
        values = {
            self.column: self.score(distances).nanmean(1),
            "apart": distances.masked_fill(distances.isinf(), torch.nan).nanmean(1),
            "figure": figure.double(),
            "found": distances.isfinite().any(1).double().masked_fill(~figure, torch.nan),
        }
        self.add(keys, {name: each.unflatten(0, prediction.shape[:2]) for name, each in values.items()})

    @abstractmethod
    def score(self, distances: Tensor) -> Tensor:
        """Values (N, 18) of distances as `keypoint_distances` gives them; nan stays."""

    def compute(self) -> Score:  # type: ignore[override]
        table = self._merged()
        score = mean_score(table, self.column, self.extractor)
        sums, means = table.sums.sum(0), table.means()
        figures, found = (int(sums[table.names.index(name)]) for name in ("figure", "found"))
        if not figures:
            return score | {"note": "no figure was found in the truth"}
        score["detection_rate"] = means["found"]
        score["note"] = (
            f"{int(table.column('figure')[1].sum())} frames, {figures} with a true figure, {found} with a painted one "
            "too"
        )
        if found:
            score["note"] += f"; keypoints in both are {means['apart']:.4f} apart"
        return score


class PoseError(KeypointScores):
    """How far the painted keypoints are from the true ones, in sizes of the true figure: 0 to 0.2.

    A keypoint that is not found counts as one that is wrong, 0.2, and none counts as more: so to paint a limb, or a
    whole figure, that the detector does not find never scores better than to paint it wherever it may be.
    """

    column = "error"

    def score(self, distances: Tensor) -> Tensor:
        return distances.clamp(max=WRONG)


class MissingKeypoints(KeypointScores):
    """The share of the true keypoints that are not found in the painting, wherever they may be: 0 to 1."""

    column = "missing"

    def score(self, distances: Tensor) -> Tensor:
        return distances.isinf().double().masked_fill(distances.isnan(), torch.nan)

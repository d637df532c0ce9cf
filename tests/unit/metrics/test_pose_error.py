"""Errors of poses: closed forms, what missing keypoints cost, and a real detector on drawn people."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from humangen.data.dancers import Dance, Dancer, draw
from humangen.media import to_tensor
from humangen.metrics.pose_error import (
    JOINTS,
    WRONG,
    BodyKeypoints,
    KeypointScores,
    MissingKeypoints,
    PoseError,
    keypoint_distances,
)
from humangen.metrics.registry import RECIPES, available
from humangen.metrics.registry_files import DWPOSE, DWPOSE_DETECTOR, MEDIAPIPE, MEDIAPIPE_DETECTOR
from humangen.pose.dwpose_files import DETECTOR, POSE


class Spots:
    """Finds keypoint k where the red of a picture is 10 (k + 1)."""

    name = "spots"

    def __init__(self) -> None:
        self.looks = 0

    def body(self, picture: np.ndarray) -> np.ndarray:
        self.looks += 1
        found = np.zeros((JOINTS, 3), np.float32)
        for row, column in np.argwhere(picture[..., 0] > 0):
            joint = picture[row, column, 0] // 10 - 1
            found[joint] = column / picture.shape[1], row / picture.shape[0], 1
        return found


def spotted(*frames: dict[int, tuple[int, int]]) -> Tensor:
    """A clip (1, F, 3, 20, 40) with keypoints at (column, row)."""
    pictures = np.zeros((len(frames), 20, 40, 3), np.uint8)
    for picture, places in zip(pictures, frames, strict=True):
        for joint, (column, row) in places.items():
            picture[row, column, 0] = 10 * (joint + 1)
    return to_tensor(pictures)[None]


def figure(shift: int = 0) -> dict[int, tuple[int, int]]:
    """10 pixels high, 4 wide."""
    return {0: (10 + shift, 4), 1: (8 + shift, 8), 2: (12 + shift, 8), 3: (10 + shift, 14)}


def scored(kind: type[KeypointScores], painted: Tensor, truth: Tensor) -> KeypointScores:
    metric = kind(BodyKeypoints(Spots(), "spots", "0" * 64))
    metric.update(painted, truth, keys=["a"])
    return metric


def keypoints(count: int, seed: int, *, unsure: float = 0.2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(count, JOINTS, 3, generator=generator, dtype=torch.float64)
    points[..., 2] = (torch.rand(count, JOINTS, generator=generator) > unsure).double()
    return points


def test_distances_are_in_sizes_of_the_true_figure() -> None:
    score = scored(PoseError, spotted(figure(1)), spotted(figure())).compute()
    assert score["value"] == pytest.approx(1 / 10, abs=1e-6)
    assert score["samples"] == 1
    assert (
        score["note"] == "1 frames, 1 with a true figure, 1 with a painted one too; keypoints in both are 0.1000 apart"
    )


def test_distances_do_not_depend_on_resolution_but_on_shape() -> None:
    painted, true = keypoints(3, 1), keypoints(3, 2)
    small, large, wide = (keypoint_distances(painted, true, *size) for size in ((60, 40), (600, 400), (40, 60)))
    torch.testing.assert_close(small, large, equal_nan=True)
    assert not torch.allclose(small.nan_to_num(0, 0, 0), wide.nan_to_num(0, 0, 0))


def test_a_wrong_keypoint_counts_as_much_as_a_missing_one() -> None:
    gone, far = figure(), figure()
    del gone[3]
    far[3] = (30, 14)
    for painted in (gone, far):
        score = scored(PoseError, spotted(painted), spotted(figure())).compute()
        assert score["value"] == pytest.approx(WRONG / 4)
    for painted, expected in ((gone, 0.25), (far, 0.0)):
        score = scored(MissingKeypoints, spotted(painted), spotted(figure())).compute()
        assert score["value"] == pytest.approx(expected)


def test_what_is_not_found_never_scores_better() -> None:
    painted, true = keypoints(20, 1, unsure=0), keypoints(20, 2)
    metrics = [kind(BodyKeypoints(Spots(), "spots", "0" * 64)) for kind in (PoseError, MissingKeypoints)]
    whole = [metric.score(keypoint_distances(painted, true, 9, 9)) for metric in metrics]
    for joint in range(JOINTS):
        fewer = painted.clone()
        fewer[:, joint, 2] = 0
        for metric, before in zip(metrics, whole, strict=True):
            after = metric.score(keypoint_distances(fewer, true, 9, 9))
            assert (after.nan_to_num(0) >= before.nan_to_num(0)).all()


def test_an_unpainted_figure_is_the_worst_and_frames_without_a_true_one_do_not_count() -> None:
    truth = spotted(figure(), {0: (3, 3), 1: (9, 9)}, {}, figure())
    painted = spotted({}, figure(), figure(), figure())
    error, missing = (scored(kind, painted, truth).compute() for kind in (PoseError, MissingKeypoints))
    assert error["value"] == pytest.approx(WRONG / 2)
    assert missing["value"] == pytest.approx(0.5)
    assert error["samples"] == missing["samples"] == 2
    assert error["detection_rate"] == 0.5
    assert error["note"].startswith("4 frames, 2 with a true figure, 1 with a painted one too")


def test_keypoints_at_one_place_are_no_figure() -> None:
    true = torch.full((1, JOINTS, 3), 0.5, dtype=torch.float64)
    assert keypoint_distances(true, true, 8, 8).isnan().all()


def test_no_figure_at_all_is_no_score() -> None:
    none = scored(PoseError, spotted({}), spotted({})).compute()
    assert np.isnan(none["value"])
    assert none["note"] == "no figure was found in the truth"
    unpainted = scored(PoseError, spotted({}), spotted(figure())).compute()
    assert unpainted["value"] == WRONG
    assert unpainted["note"] == "1 frames, 1 with a true figure, 0 with a painted one too"


def test_a_truth_is_looked_at_once_for_many_paintings_and_both_columns() -> None:
    finder = Spots()
    extractor = BodyKeypoints(finder, "spots", "0" * 64)
    truth, paintings = spotted(figure()), [spotted(figure(shift)) for shift in range(4)]
    for painted in paintings:
        for kind in (PoseError, MissingKeypoints):
            kind(extractor).update(painted, truth, keys=["a"])
    assert finder.looks == 1 + len(paintings)


def test_one_file_says_the_same_to_preparation_and_to_metrics() -> None:
    for weight, model in ((DWPOSE, POSE), (DWPOSE_DETECTOR, DETECTOR)):
        assert (weight.file, weight.sha256, weight.num_bytes) == (model.name, model.sha256, model.num_bytes)
        assert weight.address == f"https://huggingface.co/yzd-v/DWPose/resolve/main/{model.name}"


def test_without_its_files_a_detector_is_unavailable(tmp_path: object) -> None:
    _, lacking = available(["pose_error", "pose_missing"], str(tmp_path))
    assert set(lacking.values()) == {"unavailable (file dw-ll_ucoco_384.onnx)"}


def dancers() -> Tensor:
    """Two drawn people (2, 1, 3, 128, 128)."""
    pictures = [draw(Dancer.from_seed(seed), Dance.from_seed(seed), 0.5, 128, 128).picture for seed in (10, 11)]
    return to_tensor(np.stack(pictures))[:, None]


def test_mediapipe_sees_drawn_people(tmp_path: object) -> None:
    pytest.importorskip("mediapipe.python.solutions")
    assert RECIPES["pose_error_mediapipe"].files == (MEDIAPIPE, MEDIAPIPE_DETECTOR)
    ready, lacking = available(["pose_error_mediapipe", "pose_missing_mediapipe"], str(tmp_path))
    assert not lacking
    truth = dancers()
    blurred = gaussian_blur(truth[:, 0], [5, 5], [0.8, 0.8])[:, None]
    paintings = {"same": truth, "blurred": blurred, "mirrored": truth.flip(-1), "grey": torch.zeros_like(truth)}
    scores = {}
    for name, painted in paintings.items():
        for column, metric in ready.items():
            own = metric.clone()
            own.update(painted, truth, keys=["a", "b"])
            scores[name, column.split("_")[1]] = own.compute()["value"]
    assert scores["same", "error"] == scores["same", "missing"] == scores["blurred", "missing"] == 0
    assert 0 < scores["blurred", "error"] < 0.03
    assert scores["mirrored", "error"] > 0.05
    assert scores["grey", "error"] == pytest.approx(WRONG)
    assert scores["grey", "missing"] == 1
    assert ready["pose_error_mediapipe"].extractor.name.endswith(
        "pose_landmark_full@e9a5c5cb, people by pose_detection@9ba9dd3d"
    )

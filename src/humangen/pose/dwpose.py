"""DWPose through rtmlib: YOLOX finds people, RTMPose their 133 points.

rtmlib and onnxruntime are imported where they are used: the latter writes a file when it is.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Self

import numpy as np

from humangen.pose.dwpose_files import DETECTOR, POSE, locate, models_folder
from humangen.pose.keypoints import BODY, NUM_KEYPOINTS
from humangen.pose.layouts import from_wholebody133

DETECTOR_SIZE, POSE_SIZE = (640, 640), (288, 384)  # height, width; width, height: rtmlib takes them so
STRIDES = (8, 16, 32)  # of the detector's grids
PERSON_SCORE, OVERLAP = 0.3, 0.45  # DWPose's own


class DWPoseEstimator:
    """Confidences are those of the published DWPose: the lower of a point's two peaks.

    The detector learned from BGR pictures, the pose network from RGB; rtmlib converts nothing.
    """

    def __init__(self, detector: Path, pose: Path, sha256: str) -> None:
        """The two files, and the sha256 of the second, which is part of the name."""
        import onnxruntime
        from rtmlib import YOLOX, RTMPose

        device = "cuda" if "CUDAExecutionProvider" in onnxruntime.get_available_providers() else "cpu"
        with redirect_stdout(io.StringIO()):  # rtmlib announces every file
            self._detector = YOLOX(str(detector), DETECTOR_SIZE, device=device)
            self._pose = RTMPose(str(pose), POSE_SIZE, device=device)
        self.name = f"dwpose {pose.stem}@{sha256[:8]}"
        # asked of the session: onnxruntime goes on with the CPU where CUDA does not start
        print(f"{self.name} runs on {self._pose.session.get_providers()[0]}")

    @classmethod
    def published(cls, folder: Path | None = None) -> Self:
        """Of the files in `folder` (see `models_folder`), which are fetched where they are not there."""
        return cls(*cls.files(folder), POSE.sha256)

    @staticmethod
    def files(folder: Path | None = None) -> tuple[Path, Path]:
        """The detector and the pose network of `published`, which need not be opened."""
        import rtmlib  # noqa: F401  before anything is fetched for it

        folder = models_folder(folder)
        return locate(DETECTOR, folder), locate(POSE, folder)

    def people(self, picture: np.ndarray) -> np.ndarray:
        """See `PoseEstimator`."""
        from rtmlib.tools.object_detection.post_processings import nms

        height, width = picture.shape[:2]
        pixels, ratio = self._detector.preprocess(np.ascontiguousarray(picture[..., ::-1]))
        boxes, scores = _decode(self._detector.inference(pixels)[0][0])
        likely = scores > PERSON_SCORE
        boxes, scores = boxes[likely] / ratio, scores[likely]
        best = nms(boxes, scores, OVERLAP)
        boxes = (boxes / [width, height, width, height]).clip(0, 1)
        return np.column_stack([boxes, scores])[best].astype(np.float32)

    def keypoints(self, picture: np.ndarray, box: np.ndarray) -> np.ndarray:
        """See `PoseEstimator`."""
        height, width = picture.shape[:2]
        pixels, centre, scale = self._pose.preprocess(picture, box[:4] * [width, height, width, height])
        peaks = self._pose.inference(pixels)
        places, _ = self._pose.postprocess(peaks, centre, scale)
        confidence = np.minimum(*(axis[0].max(-1) for axis in peaks))
        return from_wholebody133(np.column_stack([places[0] / [width, height], confidence]))

    def body(self, picture: np.ndarray) -> np.ndarray:
        """See `BodyFinder`."""
        people = self.people(picture)
        if not len(people):
            return np.zeros((NUM_KEYPOINTS, 3), np.float32)[BODY]
        importance = np.prod(people[:, 2:4] - people[:, :2], axis=1) * people[:, 4]
        return self.keypoints(picture, people[importance.argmax()])[BODY]


def _decode(output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """YOLOX's raw rows (cells, 85) as boxes x0, y0, x1, y1 in pixels of its input, and the scores of a person.

    rtmlib's own decoding keeps no scores, and takes boxes of dogs and chairs for people.
    """
    grids = [np.indices([side // stride for side in DETECTOR_SIZE]).reshape(2, -1) for stride in STRIDES]
    cells = np.concatenate(grids, axis=1)[::-1].T  # column, row
    strides = np.repeat(STRIDES, [grid.shape[1] for grid in grids])[:, None]
    centre, half = (output[:, :2] + cells) * strides, np.exp(output[:, 2:4]) * strides / 2
    return np.concatenate([centre - half, centre + half], axis=1), output[:, 4] * output[:, 5]

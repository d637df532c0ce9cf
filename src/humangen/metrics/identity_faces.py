"""Faces: where they are (SCRFD), straightened, and as ArcFace's embedding, through onnxruntime.

Why not the package insightface: it compiles at installation, and downloads what it likes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from humangen.metrics.features import Extractor, to_bytes
from humangen.types import InputError

DETECTOR_SIZE, FACE_SIZE, DIM = 640, 112, 512
STRIDES, ANCHORS = (8, 16, 32), 2  # of the detector's grids; in each of their cells
LIKELY = 0.5  # score of a face
# where eyes, nose and corners of the mouth lie in the 112 x 112 faces that ArcFace learned from: x, y
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


class ArcFace(Extractor):
    """insightface's model pack buffalo_l; the largest face of a frame is the one that counts. Features are as
    `FaceScores` has them."""

    dim = DIM + 1

    def __init__(self, file: Path, sha256: str, detector: Path, detector_sha256: str) -> None:
        super().__init__(f"{file.stem}, faces by {detector.stem}@{detector_sha256[:8]}", sha256)
        self._network, self._detector = _session(file), _session(detector)

    def network_features(self, rows: Tensor) -> Tensor:
        pictures = to_bytes(rows).permute(0, 2, 3, 1).cpu().numpy()
        found = [self._embedding(picture) for picture in pictures]
        none = np.zeros(self.dim, np.float32)
        features = np.stack([none if face is None else np.append(face, np.float32(1)) for face in found])
        return torch.from_numpy(features).to(rows.device)

    def _embedding(self, picture: np.ndarray) -> np.ndarray | None:
        """Of the largest face in an RGB picture (H, W, 3) uint8: (512,); None if there is none."""
        landmarks = self._landmarks(picture)
        if landmarks is None:
            return None
        face = cv2.warpAffine(picture, similarity(landmarks, TEMPLATE), (FACE_SIZE, FACE_SIZE))
        pixels = (face.astype(np.float32) - 127.5) / 127.5
        embedding: np.ndarray = _answer(self._network, pixels)[0].reshape(-1)
        return embedding

    def _landmarks(self, picture: np.ndarray) -> np.ndarray | None:
        """Eyes, nose and corners of the mouth (5, 2) of the largest face, in pixels."""
        scale = DETECTOR_SIZE / max(picture.shape[:2])
        width, height = (max(1, round(side * scale)) for side in picture.shape[1::-1])
        canvas = np.zeros((DETECTOR_SIZE, DETECTOR_SIZE, 3), np.float32)
        canvas[:height, :width] = cv2.resize(picture, (width, height))
        scores, boxes, points = decode(_answer(self._detector, (canvas - 127.5) / 128))
        likely = scores > LIKELY
        if not likely.any():
            return None
        sides = boxes[likely, 2:] - boxes[likely, :2]
        landmarks: np.ndarray = points[likely][sides.prod(1).argmax()] / scale
        return landmarks


def decode(outputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """SCRFD's nine outputs (scores, distances to the box's sides, landmarks; each for three strides) as scores (N,),
    boxes x0, y0, x1, y1 (N, 4) and landmarks (N, 5, 2) in pixels of its input."""
    scores, boxes, points = [], [], []
    levels = len(STRIDES)
    for level, stride in enumerate(STRIDES):
        rows = DETECTOR_SIZE // stride
        cells = np.indices((rows, rows)).reshape(2, -1)[::-1].T  # column, row
        centres = np.repeat(cells, ANCHORS, axis=0) * stride
        reach = outputs[levels + level].reshape(-1, 4) * stride
        scores.append(outputs[level].reshape(-1))
        boxes.append(np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], axis=1))
        points.append(centres[:, None] + outputs[2 * levels + level].reshape(-1, 5, 2) * stride)
    return np.concatenate(scores), np.concatenate(boxes), np.concatenate(points)


def similarity(places: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The turn, scale and shift (2, 3) that brings `places` (N, 2) nearest to `wanted` in least squares: one complex
    factor and one complex summand."""
    one, other = (points[:, 0] + 1j * points[:, 1] for points in (places, wanted))
    centred = one - one.mean()
    factor = (centred.conj() * (other - other.mean())).sum() / (np.abs(centred) ** 2).sum()
    shift = other.mean() - factor * one.mean()
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def _session(file: Path) -> Any:
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(str(file), providers=onnxruntime.get_available_providers())
    except Exception as error:  # onnxruntime's own are many
        raise InputError(f"{file} cannot be read as an ONNX network: it is damaged, or holds other things") from error


def _answer(session: Any, pixels: np.ndarray) -> list[np.ndarray]:
    """What the network says of one picture (H, W, 3) float32."""
    given = {session.get_inputs()[0].name: np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])}
    answer: list[np.ndarray] = session.run(None, given)
    return answer

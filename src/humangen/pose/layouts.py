"""Other people's keypoint layouts brought into the 128 points of `humangen.pose.keypoints`.

The functions named `from_...` take arrays (..., K, 3) of x, y in [0, 1] image units and a confidence, and give
float32 (..., 128, 3): a point not seen (confidence 0 or less) or outside the picture is 0, 0, 0, and confidences
end at 1. Keypoints that are not finite numbers raise `InputError`.
"""

from __future__ import annotations

import numpy as np

from humangen.pose.keypoints import BODY, FACE, LEFT_HAND, NUM_KEYPOINTS, RIGHT_HAND
from humangen.types import InputError

# where our 18 body points are in COCO's 17; 17 is the neck, which COCO does not have
_COCO_BODY = [0, 17, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
# ... and in BODY_25, which has the middle of the hips at 8, and feet from 19
_BODY_25 = [*range(8), *range(9, 19)]
# where COCO's 17 points are in mediapipe's 33
_MEDIAPIPE_COCO = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
# where the 68 points of iBUG are in mediapipe's face mesh
_MEDIAPIPE_FACE = [
    *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),  # jaw
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),  # brows
    *(168, 197, 5, 4, 98, 97, 2, 326, 327),  # nose
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # eyes
    *(61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91),  # outer lips
    *(78, 81, 13, 311, 308, 402, 14, 178),  # inner lips
]


def from_coco17(points: np.ndarray) -> np.ndarray:
    """COCO's 17 points of the body."""
    return _assemble(_coco_body(points))


def from_wholebody133(points: np.ndarray) -> np.ndarray:
    """COCO-WholeBody: 17 points of the body, 6 of the feet (dropped), 68 of the face, 21 of each hand, left first."""
    body, face, hands = points[..., :17, :], points[..., 23:91, :], points[..., 91:133, :]
    return _assemble(_coco_body(body), hands[..., :21, :], hands[..., 21:, :], face)


def from_openpose(
    body: np.ndarray | None,
    left_hand: np.ndarray | None = None,
    right_hand: np.ndarray | None = None,
    face: np.ndarray | None = None,
) -> np.ndarray:
    """OpenPose: BODY_18 or BODY_25, hands of 21 points, a face of 68, or of 70 whose last two are the pupils."""
    if body is not None and body.shape[-2] == 25:
        body = body[..., _BODY_25, :]
    return _assemble(body, left_hand, right_hand, None if face is None else face[..., :68, :])


def from_mediapipe(
    pose: np.ndarray,
    left_hand: np.ndarray | None = None,
    right_hand: np.ndarray | None = None,
    face: np.ndarray | None = None,
) -> np.ndarray:
    """mediapipe: 33 points of the body, 21 of each hand, a face mesh of 468, or of 478 with the irises."""
    body = _coco_body(pose[..., _MEDIAPIPE_COCO, :])
    return _assemble(body, left_hand, right_hand, None if face is None else face[..., _MEDIAPIPE_FACE, :])


def from_pixels(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """Points (..., K, 2 or 3) in pixels as (..., K, 3) in image units; two columns mean confidence 1.

    Points at 0, 0 or -1, -1 get confidence 0: so files say that a point was not seen, some beside a confidence.
    """
    places = points[..., :2].astype(np.float64)
    confidence = points[..., 2] if points.shape[-1] == 3 else np.ones(points.shape[:-1])
    unseen = (places == 0).all(-1) | (places == -1).all(-1)
    return np.concatenate([places / [width, height], np.where(unseen, 0, confidence)[..., None]], axis=-1)


def _coco_body(points: np.ndarray) -> np.ndarray:
    """Our 18 points from COCO's 17: the neck is the middle of the shoulders, as sure as the less sure of them."""
    shoulders = points[..., 5:7, :]
    neck = np.concatenate([shoulders[..., :2].mean(-2), shoulders[..., 2].min(-1)[..., None]], axis=-1)
    return np.concatenate([points, neck[..., None, :]], axis=-2)[..., _COCO_BODY, :]


def _assemble(
    body: np.ndarray | None,
    left_hand: np.ndarray | None = None,
    right_hand: np.ndarray | None = None,
    face: np.ndarray | None = None,
) -> np.ndarray:
    """Parts in our order, put in their places; a part that is None is not seen."""
    parts = [(BODY, body), (LEFT_HAND, left_hand), (RIGHT_HAND, right_hand), (FACE, face)]
    axes = next((part.shape[:-2] for _, part in parts if part is not None), ())
    keypoints = np.zeros((*axes, NUM_KEYPOINTS, 3))
    for place, part in parts:
        if part is not None:
            keypoints[..., place, :] = part
    if not np.isfinite(keypoints).all():
        raise InputError("there are keypoints that are not finite numbers")
    outside = ((keypoints[..., :2] < 0) | (keypoints[..., :2] > 1)).any(-1)
    keypoints[outside | (keypoints[..., 2] <= 0)] = 0
    keypoints[..., 2] = keypoints[..., 2].clip(max=1)
    return keypoints.astype(np.float32)

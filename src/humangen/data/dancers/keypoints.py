"""The 128 keypoints of a figure: 18 of the body, 21 of each hand, 68 of the face."""

from __future__ import annotations

import numpy as np

from humangen.data.dancers.appearance import Dancer
from humangen.data.dancers.canvas import Canvas, Part
from humangen.data.dancers.face import EAR, HAIR_CUTS, face_points, place_on_head, towards_camera
from humangen.data.dancers.skeleton import Side, Skeleton

KEYPOINTS = 128
LEAST_FACING = 0.08  # a point of the face is visible when its surface faces the camera at least this squarely


def dancer_keypoints(canvas: Canvas, skeleton: Skeleton, dancer: Dancer) -> np.ndarray:
    """Keypoints (128, 3) float32 of a painted figure: x, y in 0..1, then 1 visible or 0 hidden."""
    local = face_points(dancer.head.smile)
    face = place_on_head(skeleton, local)
    face_visible = towards_camera(skeleton, local) > LEAST_FACING
    eyes = np.array([[36, 37, 38, 39, 40, 41], [42, 43, 44, 45, 46, 47]])
    ears = EAR * np.array([[-1, 1, 1], [1, 1, 1]])
    right, left = skeleton.right, skeleton.left
    body = np.array(
        [
            face[30],
            skeleton.chest,
            right.shoulder,
            right.elbow,
            right.wrist,
            left.shoulder,
            left.elbow,
            left.wrist,
        ]
        + [right.hip, right.knee, right.ankle, left.hip, left.knee, left.ankle]
    )
    points = np.concatenate([body, face[eyes].mean(axis=1), place_on_head(skeleton, ears), left.hand, right.hand, face])
    visible = np.ones(KEYPOINTS, bool)
    visible[14:16] = face_visible[eyes].mean(axis=1) > 0.5
    ears_shown = not HAIR_CUTS[dancer.head.hair_style].covers_ears
    visible[16:18] = (ears @ skeleton.face[2] > -0.25) & ears_shown
    visible[60:] = face_visible
    pixels = canvas.project(points)
    for side, hand_part, arm, hand in (
        (left, Part.LEFT_HAND, [6, 7], slice(18, 39)),
        (right, Part.RIGHT_HAND, [3, 4], slice(39, 60)),
    ):
        shown = hand_shown(canvas, side, hand_part)
        visible[hand] = shown
        visible[arm[1]] = shown
    height, width = canvas.labels.shape
    places = pixels / [width, height]
    visible &= ((places >= 0) & (places < 1)).all(axis=1)
    return np.concatenate([places, visible[:, None]], axis=1).astype(np.float32)


def hand_shown(canvas: Canvas, side: Side, part: Part) -> bool:
    """Whether the middle of the hand is on top of everything else."""
    x, y = (int(place) for place in canvas.project(side.hand[9]))
    height, width = canvas.labels.shape
    return 0 <= x < width and 0 <= y < height and int(canvas.labels[y, x]) == part

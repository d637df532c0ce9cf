"""Keypoints as a picture: the colours and shapes of DWPose renderings, in RGB."""

from __future__ import annotations

import colorsys
from itertools import pairwise

import cv2
import numpy as np

from humangen.pose.keypoints import BODY, FACE, LEFT_HAND, RIGHT_HAND, VISIBLE

# limbs of the 18 body points, in DWPose's drawing order, each in the colour of the same number
LIMBS = [
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10),
    (1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
]  # fmt: skip
COLOURS = [
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
    (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
    (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
]  # fmt: skip
FINGER_BONES = [bone for finger in range(5) for bone in pairwise([0, *range(1 + 4 * finger, 5 + 4 * finger)])]
BONE_COLOURS = [
    tuple(round(255 * part) for part in colorsys.hsv_to_rgb(bone / len(FINGER_BONES), 1, 1))
    for bone in range(len(FINGER_BONES))
]
SHIFT = 4  # fractional bits of a drawn coordinate


def draw_pose(keypoints: np.ndarray, height: int, width: int) -> np.ndarray:
    """One person's pose (128, 3) on black, uint8 RGB (height, width, 3). Strokes scale with the picture: DWPose's
    own widths at 512 pixels."""
    canvas = np.zeros((height, width, 3), np.uint8)
    points = keypoints[:, :2] * np.array([width, height], np.float32)
    seen = keypoints[:, 2] >= VISIBLE
    stroke = min(height, width) / 512
    _draw_body(canvas, points[BODY], seen[BODY], stroke)
    for hand in (LEFT_HAND, RIGHT_HAND):
        _draw_hand(canvas, points[hand], seen[hand], stroke)
    for point in points[FACE][seen[FACE]]:
        _dot(canvas, point, 3 * stroke, (255, 255, 255))
    return canvas


def draw_poses(keypoints: np.ndarray, height: int, width: int) -> np.ndarray:
    """Poses (F, 128, 3) -> uint8 (F, height, width, 3)."""
    return np.stack([draw_pose(frame, height, width) for frame in keypoints])


def _draw_body(canvas: np.ndarray, points: np.ndarray, seen: np.ndarray, stroke: float) -> None:
    for (start, end), colour in zip(LIMBS, COLOURS, strict=False):
        if seen[start] and seen[end]:
            middle = (points[start] + points[end]) / 2
            difference = points[end] - points[start]
            axes = (float(np.hypot(*difference)) / 2, max(4 * stroke, 0.75))
            angle = float(np.degrees(np.arctan2(difference[1], difference[0])))
            cv2.ellipse(canvas, _fixed(middle), _fixed(axes), angle, 0, 360, colour, -1, cv2.LINE_AA, shift=SHIFT)
    np.multiply(canvas, 0.6, out=canvas, casting="unsafe")
    for point, colour in zip(points[seen], np.array(COLOURS)[seen], strict=True):
        _dot(canvas, point, 4 * stroke, tuple(colour.tolist()))


def _draw_hand(canvas: np.ndarray, points: np.ndarray, seen: np.ndarray, stroke: float) -> None:
    for (start, end), colour in zip(FINGER_BONES, BONE_COLOURS, strict=True):
        if seen[start] and seen[end]:
            thickness = max(1, round(2 * stroke))
            ends = _fixed(points[start]), _fixed(points[end])
            cv2.line(canvas, *ends, colour, thickness, cv2.LINE_AA, shift=SHIFT)
    for point in points[seen]:
        _dot(canvas, point, 4 * stroke, (0, 0, 255))


def _dot(canvas: np.ndarray, point: np.ndarray, radius: float, colour: tuple[int, ...]) -> None:
    centre = _fixed(point)
    cv2.circle(canvas, centre, round(max(radius, 0.5) * (1 << SHIFT)), colour, -1, cv2.LINE_AA, shift=SHIFT)


def _fixed(point: np.ndarray | tuple[float, float]) -> tuple[int, int]:
    """A point in pixels as cv2's fixed-point integers."""
    return round(float(point[0]) * (1 << SHIFT)), round(float(point[1]) * (1 << SHIFT))

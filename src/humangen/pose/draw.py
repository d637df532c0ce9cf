"""Keypoints as a picture: the colours and shapes of DWPose renderings, in RGB."""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Collection, Sequence
from typing import Any

import cv2
import numpy as np

from humangen.pose.keypoints import BODY, FACE, LEFT_HAND, RIGHT_HAND, VISIBLE
from humangen.types import InputError

PARTS = ("body", "hands", "face")  # what can be drawn, or left out

# limbs of the 18 body points, in DWPose's drawing order, each in the colour of the same number
LIMBS = np.array([
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10),
    (1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
])  # fmt: skip
COLOURS = [
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
    (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
    (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
]  # fmt: skip
FINGER_BONES = [bone for finger in range(5) for bone in itertools.pairwise([0, *range(1 + 4 * finger, 5 + 4 * finger)])]
BONE_COLOURS = [
    tuple(round(255 * part) for part in colorsys.hsv_to_rgb(bone / len(FINGER_BONES), 1, 1))
    for bone in range(len(FINGER_BONES))
]
BLUE, WHITE = [(0, 0, 255)], [(255, 255, 255)]
SHIFT = 4  # fractional bits of a drawn coordinate


def draw_pose(keypoints: np.ndarray, height: int, width: int, parts: Collection[str] = PARTS) -> np.ndarray:
    """One person's pose (128, 3) on black, uint8 RGB (height, width, 3). Strokes scale with the picture: DWPose's
    own widths at 512 pixels. Raises `InputError` where `parts` names anything but those of `PARTS`."""
    return draw_poses(keypoints[None], height, width, parts)[0]


def draw_poses(keypoints: np.ndarray, height: int, width: int, parts: Collection[str] = PARTS) -> np.ndarray:
    """Poses (F, 128, 3) -> uint8 (F, height, width, 3)."""
    if unknown := sorted(set(parts) - set(PARTS)):
        raise InputError(f"a pose has no {', '.join(unknown)} to draw; it has {', '.join(PARTS)}")
    canvases = np.zeros((len(keypoints), height, width, 3), np.uint8)
    for canvas, frame in zip(canvases, keypoints, strict=True):
        _draw(canvas, frame, parts)
    return canvases


def _draw(canvas: np.ndarray, keypoints: np.ndarray, parts: Collection[str]) -> None:
    height, width = canvas.shape[:2]
    points = keypoints[:, :2] * np.array([width, height], np.float32)
    seen = keypoints[:, 2] >= VISIBLE
    stroke = min(height, width) / 512
    if "body" in parts:
        _draw_body(canvas, points[BODY], seen[BODY], stroke)
    if "hands" in parts:
        for hand in (LEFT_HAND, RIGHT_HAND):
            _draw_hand(canvas, points[hand], seen[hand], stroke)
    if "face" in parts:
        _draw_dots(canvas, points[FACE], seen[FACE], 3 * stroke, WHITE)


def _draw_body(canvas: np.ndarray, points: np.ndarray, seen: np.ndarray, stroke: float) -> None:
    start, end = points[LIMBS[:, 0]], points[LIMBS[:, 1]]
    middles, difference = _fixed((start + end) / 2), end - start
    lengths = _fixed(np.hypot(difference[:, 0], difference[:, 1]) / 2)
    angles = np.degrees(np.arctan2(difference[:, 1], difference[:, 0])).tolist()
    (thickness,) = _fixed(np.array([max(4 * stroke, 0.75)]))
    for limb in np.flatnonzero(seen[LIMBS].all(1)).tolist():
        axes, angle, colour = (lengths[limb], thickness), angles[limb], COLOURS[limb]
        cv2.ellipse(canvas, middles[limb], axes, angle, 0, 360, colour, -1, cv2.LINE_AA, shift=SHIFT)
    cv2.convertScaleAbs(canvas, dst=canvas, alpha=0.6, beta=-0.4)  # rounded; with -0.4 that is 0.6 cut off
    _draw_dots(canvas, points, seen, 4 * stroke, COLOURS)


def _draw_hand(canvas: np.ndarray, points: np.ndarray, seen: np.ndarray, stroke: float) -> None:
    places, thickness = _fixed(points), max(1, round(2 * stroke))
    for (start, end), colour in zip(FINGER_BONES, BONE_COLOURS, strict=True):
        if seen[start] and seen[end]:
            cv2.line(canvas, places[start], places[end], colour, thickness, cv2.LINE_AA, shift=SHIFT)
    _draw_dots(canvas, points, seen, 4 * stroke, BLUE)


def _draw_dots(
    canvas: np.ndarray, points: np.ndarray, seen: np.ndarray, radius: float, colours: Sequence[tuple[int, ...]]
) -> None:
    """A dot at each point that is seen, in its own colour, or all in the one."""
    (size,) = _fixed(np.array([max(radius, 0.5)]))
    for centre, shown, colour in zip(_fixed(points), seen.tolist(), itertools.cycle(colours), strict=False):
        if shown:
            cv2.circle(canvas, centre, size, colour, -1, cv2.LINE_AA, shift=SHIFT)


def _fixed(values: np.ndarray) -> list[Any]:
    """Values in pixels as cv2's fixed-point integers."""
    return np.rint(values * (1 << SHIFT)).astype(int).tolist()

"""Keypoints as a picture: the colours and shapes of DWPose renderings, in RGB."""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
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
BLUE, WHITE = (0, 0, 255), (255, 255, 255)
SHIFT = 4  # fractional bits of a drawn coordinate

Limbs = tuple[list[list[int]], list[int], list[float]]  # middles and half lengths, both fixed, and angles in degrees


def draw_pose(keypoints: np.ndarray, height: int, width: int, parts: Collection[str] = PARTS) -> np.ndarray:
    """One person's pose (128, 3) on black, uint8 RGB (height, width, 3). Strokes scale with the picture: DWPose's
    own widths at 512 pixels. Raises `InputError` where `parts` names anything but those of `PARTS`."""
    return draw_poses(keypoints[None], height, width, parts)[0]


def draw_poses(keypoints: np.ndarray, height: int, width: int, parts: Collection[str] = PARTS) -> np.ndarray:
    """Poses (F, 128, 3) -> uint8 (F, height, width, 3)."""
    if unknown := sorted(set(parts) - set(PARTS)):
        raise InputError(f"a pose has no {', '.join(unknown)} to draw; it has {', '.join(PARTS)}")
    canvases = np.zeros((len(keypoints), height, width, 3), np.uint8)
    points = keypoints[..., :2] * np.array([width, height], np.float32)
    stroke = min(height, width) / 512
    seen = (keypoints[..., 2] >= VISIBLE).tolist()
    for canvas, places, shown, limbs in zip(canvases, _fixed(points), seen, _limbs(points[:, BODY]), strict=True):
        if "body" in parts:
            _draw_limbs(canvas, places[BODY], shown[BODY], limbs, max(4 * stroke, 0.75))
            _draw_dots(canvas, places[BODY], shown[BODY], 4 * stroke, COLOURS)
        if "hands" in parts:
            for hand in (LEFT_HAND, RIGHT_HAND):
                _draw_bones(canvas, places[hand], shown[hand], max(1, round(2 * stroke)))
                _draw_like_dots(canvas, places[hand], shown[hand], 4 * stroke, BLUE)
        if "face" in parts:
            _draw_like_dots(canvas, places[FACE], shown[FACE], 3 * stroke, WHITE)
    return canvases


def _limbs(points: np.ndarray) -> Iterator[Limbs]:
    """The limbs between body points (F, 18, 2) in pixels, frame by frame."""
    start, end = points.take(LIMBS, 1).transpose(2, 0, 1, 3)
    along, down = (end - start).transpose(2, 0, 1)
    angles = np.degrees(np.arctan2(down, along)).tolist()
    return zip(_fixed((start + end) / 2), _fixed(np.hypot(along, down) / 2), angles, strict=True)


def _draw_limbs(canvas: np.ndarray, places: list[list[int]], shown: list[bool], limbs: Limbs, breadth: float) -> None:
    """Limbs as ellipses, in 0.6 of their colours, on black."""
    thickness = round(breadth * (1 << SHIFT))
    colours = COLOURS[: len(LIMBS)]
    for (start, end), middle, length, angle, colour in zip(LIMBS.tolist(), *limbs, colours, strict=True):
        if shown[start] and shown[end]:
            cv2.ellipse(canvas, middle, (length, thickness), angle, 0, 360, colour, -1, cv2.LINE_AA, SHIFT)
    if any(shown):
        touched = [_span(each, int(breadth) + 4) for each in zip(*itertools.compress(places, shown), strict=True)]
        drawn = canvas[touched[1], touched[0]]
        if drawn.size:
            cv2.convertScaleAbs(drawn, dst=drawn, alpha=0.6, beta=-0.4)  # rounded; with -0.4 that is 0.6 cut off


def _span(places: Sequence[int], reach: int) -> slice:
    """The pixels on one axis that lie no farther than `reach` pixels beside these places."""
    return slice(max(0, (min(places) >> SHIFT) - reach), max(0, (max(places) >> SHIFT) + reach + 1))


def _draw_bones(canvas: np.ndarray, places: list[list[int]], shown: list[bool], thickness: int) -> None:
    for (start, end), colour in zip(FINGER_BONES, BONE_COLOURS, strict=True):
        if shown[start] and shown[end]:
            cv2.line(canvas, places[start], places[end], colour, thickness, cv2.LINE_AA, SHIFT)


def _draw_dots(
    canvas: np.ndarray,
    places: list[list[int]],
    shown: list[bool],
    radius: float,
    colours: Iterable[tuple[int, ...]],
) -> None:
    """A dot at each place that is shown, in its own colour."""
    size = round(max(radius, 0.5) * (1 << SHIFT))
    for place, colour in itertools.compress(zip(places, colours, strict=False), shown):
        cv2.circle(canvas, place, size, colour, -1, cv2.LINE_AA, SHIFT)


def _draw_like_dots(
    canvas: np.ndarray, places: list[list[int]], shown: list[bool], radius: float, colour: tuple[int, ...]
) -> None:
    """The same of one colour. One call draws them all as strokes without length, which OpenCV ends in the same circles,
    where their breadth is a whole number of pixels; it draws strokes of one pixel otherwise."""
    seen = list(itertools.compress(places, shown))
    breadth = 2 * max(radius, 0.5)
    if seen and breadth.is_integer() and breadth > 1:
        strokes = list(np.array(seen, np.int32)[:, None])
        cv2.polylines(canvas, strokes, True, colour, int(breadth), cv2.LINE_AA, SHIFT)
    else:
        _draw_dots(canvas, places, shown, radius, itertools.repeat(colour))


def _fixed(values: np.ndarray) -> list[Any]:
    """Values in pixels as cv2's fixed-point integers."""
    return np.rint(values * (1 << SHIFT)).astype(int).tolist()

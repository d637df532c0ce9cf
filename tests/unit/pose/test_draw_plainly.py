"""Poses are drawn to the byte as if each shape were drawn by itself, over the whole picture."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np
import pytest

from humangen.pose.draw import BONE_COLOURS, COLOURS, FINGER_BONES, LIMBS, PARTS, draw_poses
from humangen.pose.keypoints import BODY, FACE, LEFT_HAND, RIGHT_HAND, VISIBLE

HOW = {"lineType": cv2.LINE_AA, "shift": 4}


def drawn_plainly(keypoints: np.ndarray, height: int, width: int, parts: Collection[str]) -> np.ndarray:
    """One pose (128, 3), shape after shape."""
    canvas = np.zeros((height, width, 3), np.uint8)
    points, seen = keypoints[:, :2] * np.array([width, height], np.float32), keypoints[:, 2] >= VISIBLE
    stroke = min(height, width) / 512
    if "body" in parts:
        for limb, (start, end) in enumerate(LIMBS):
            if seen[start] and seen[end]:
                middle, difference = (points[start] + points[end]) / 2, points[end] - points[start]
                axes = np.hypot(*difference) / 2, max(4 * stroke, 0.75)
                angle = float(np.degrees(np.arctan2(difference[1], difference[0])))
                cv2.ellipse(canvas, fixed(middle), fixed(axes), angle, 0, 360, COLOURS[limb], -1, **HOW)
        canvas = (canvas * np.float32(0.6)).astype(np.uint8)
        dots(canvas, points[BODY], seen[BODY], 4 * stroke, COLOURS)
    if "hands" in parts:
        for hand in (LEFT_HAND, RIGHT_HAND):
            for (start, end), colour in zip(FINGER_BONES, BONE_COLOURS, strict=True):
                if seen[hand][start] and seen[hand][end]:
                    ends = fixed(points[hand][start]), fixed(points[hand][end])
                    cv2.line(canvas, *ends, colour, max(1, round(2 * stroke)), **HOW)
            dots(canvas, points[hand], seen[hand], 4 * stroke, [(0, 0, 255)] * 21)
    if "face" in parts:
        dots(canvas, points[FACE], seen[FACE], 3 * stroke, [(255, 255, 255)] * 68)
    return canvas


def dots(canvas: np.ndarray, points: np.ndarray, seen: np.ndarray, radius: float, colours: list) -> None:
    for point, shown, colour in zip(points, seen, colours, strict=True):
        if shown:
            cv2.circle(canvas, fixed(point), *fixed([max(radius, 0.5)]), colour, -1, **HOW)


def fixed(values: Collection[float]) -> tuple[int, ...]:
    return tuple(np.rint(np.array(values) * 16).astype(int).tolist())


def random_poses(random: np.random.Generator, count: int) -> np.ndarray:
    """People of any size anywhere, in part or wholly off the picture, points hidden or on one another."""
    poses = random.random((count, 128, 3), np.float32)
    centres, sizes = random.random((count, 1, 2)) * 1.4 - 0.2, random.choice([0.02, 0.1, 0.3, 1, 3], (count, 1, 1))
    poses[..., :2] = centres + (poses[..., :2] - 0.5) * sizes
    poses[0, :, 2] = 1
    poses[1, :, 2] = 0
    poses[2, ::2] = poses[2, 1::2]
    return poses


SIZES = [(8, 8), (20, 33), (64, 64), (128, 128), (256, 256), (512, 512), (96, 500), (520, 70), (768, 576)]


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("parts", [PARTS, ("body",), ("hands", "face")], ids=str)
def test_pictures_are_those_of_shapes_drawn_one_by_one(height: int, width: int, parts: tuple[str, ...]) -> None:
    poses = random_poses(np.random.default_rng([height, width, len(parts)]), 24)
    expected = [drawn_plainly(pose, height, width, parts) for pose in poses]
    np.testing.assert_array_equal(draw_poses(poses, height, width, parts), expected)

"""Drawings of a dancer at one moment: picture, keypoints and part map; and what try-on needs besides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from humangen.data.dancers.appearance import Build, Dancer
from humangen.data.dancers.backgrounds import paint_scene
from humangen.data.dancers.canvas import CIRCLE, SUBPIXEL_BITS, Canvas, Part, fixed_point
from humangen.data.dancers.dances import Dance
from humangen.data.dancers.figure import garment_region, paint_dancer, widest
from humangen.data.dancers.garments import neckline_outline, paint_sleeve, paint_top_trunk
from humangen.data.dancers.keypoints import dancer_keypoints
from humangen.data.dancers.skeleton import Pose, Skeleton, build_skeleton
from humangen.types import InputError

SMALLEST = 32
FLOOR = 0.925  # the height of the floor under the figure, in picture heights from the top
NARROWEST = 0.78  # pictures narrower than this (width over height) show the figure smaller
SUPERSAMPLED_HEIGHT = 512
COVERS_TOP = (Part.FACE, Part.HAIR, Part.LEFT_HAND, Part.RIGHT_HAND)


@dataclass(frozen=True)
class Drawing:
    """One moment: picture (H, W, 3) uint8 RGB; keypoints (128, 3) float32, x and y in 0..1 and visibility.

    parts (H, W) uint8 holds Part values.
    """

    picture: np.ndarray
    keypoints: np.ndarray
    parts: np.ndarray


def draw(dancer: Dancer, dance: Dance, seconds: float, height: int, width: int) -> Drawing:
    """The dancer at a time of the dance; the same scene at every size, the figure around the middle."""
    factor = supersampling(height, width)
    lit, shaded = paint_scene(dancer.scene, height * factor, width * factor)
    canvas = canvas_for(dancer.build, lit.copy())
    skeleton = dance.skeleton(seconds, dancer.build.shoulder)
    cast_shadow(canvas, skeleton, shaded)
    paint_dancer(canvas, skeleton, dancer)
    middles = slice(factor // 2, None, factor)
    return Drawing(
        picture=cv2.resize(canvas.colours, (width, height), interpolation=cv2.INTER_AREA),
        keypoints=dancer_keypoints(canvas, skeleton, dancer),
        parts=canvas.labels[middles, middles].copy(),
    )


def canvas_for(build: Build, colours: np.ndarray) -> Canvas:
    """A canvas that shows a figure of this build on the picture `colours` (H, W, 3)."""
    height, width = colours.shape[:2]
    scale = build.height * height * min(1.0, width / height / NARROWEST)
    return Canvas(colours, scale=scale, origin=(width / 2, FLOOR * height))


def draw_region(dancer: Dancer, dance: Dance, seconds: float, height: int, width: int) -> np.ndarray:
    """Where a top of this kind, shirt or dress, may be: (H, W) bool, of every pixel that one of them touches.

    It is the same whatever top of the kind the dancer wears, so it tells nothing of it, and two dancers who differ in
    their tops alone look the same outside.
    """
    factor = supersampling(height, width)
    canvas = canvas_for(dancer.build, np.zeros((height * factor, width * factor, 3), np.uint8))
    skeleton = dance.skeleton(seconds, dancer.build.shoulder)
    covering = replace(dancer, top=widest(dancer.top))
    paint_dancer(canvas, skeleton, covering)
    region = garment_region(canvas, skeleton, dancer.build, covering.top)
    covered = np.isin(canvas.labels, COVERS_TOP).astype(np.uint8)
    region[cv2.erode(covered, np.ones((3, 3), np.uint8)) > 0] = 0  # at its edges the top shines through
    return region.reshape(height, factor, width, factor).max(axis=(1, 3)) > 0


def supersampling(height: int, width: int) -> int:
    """How many canvas pixels a picture pixel has along each axis."""
    if min(height, width) < SMALLEST:
        raise InputError(f"a drawing needs at least {SMALLEST} pixels on each side, got {height} x {width}")
    return max(2, -(-SUPERSAMPLED_HEIGHT // height))


def cast_shadow(canvas: Canvas, skeleton: Skeleton, shaded: np.ndarray) -> None:
    """Darkens the floor under both feet."""
    feet = np.array([skeleton.left.ankle, skeleton.right.ankle])
    middle = feet.mean(axis=0) * [1, 0, 1]
    reach = 0.1 + 0.5 * abs(float(feet[0, 0] - feet[1, 0]))
    outline = canvas.project(middle) + CIRCLE * canvas.scale * [reach, 0.028]
    mask = np.zeros(canvas.labels.shape, np.uint8)
    cv2.fillPoly(mask, [fixed_point(outline)], 1, cv2.LINE_8, SUBPIXEL_BITS)
    top, bottom = (int(np.clip(edge, 0, len(mask))) for edge in (outline[:, 1].min(), outline[:, 1].max() + 2))
    np.copyto(canvas.colours[top:bottom], shaded[top:bottom], where=mask[top:bottom, :, None].astype(bool))


def draw_flat_garment(dancer: Dancer, height: int, width: int) -> np.ndarray:
    """The top alone, laid flat and seen from the front, on white: (height, width, 3) uint8 RGB."""
    factor = supersampling(height, width)
    arms = (0.62, -0.66, 0.1)
    skeleton = build_skeleton(Pose(left_hand=arms, right_hand=arms), dancer.build.shoulder)
    white = np.full((height * factor, width * factor, 3), 255, np.uint8)
    low = 0.24 if dancer.top.is_dress else 0.42
    span = {"none": 0.34, "short": 0.46, "long": 0.62}[dancer.top.sleeve]
    scale = min(0.84 * height / (0.84 - low), 0.9 * width / span) * factor
    middle = 0.5 * (low + 0.84)
    canvas = Canvas(white, scale=scale, origin=(width * factor / 2, height * factor / 2 + middle * scale))
    for side, sign in ((skeleton.left, 1), (skeleton.right, -1)):
        paint_sleeve(canvas, side, dancer.build, dancer.top, sign)
    paint_top_trunk(canvas, skeleton, dancer.build, dancer.top)
    opening = neckline_outline(canvas, skeleton, dancer.top.neckline)
    canvas.fill(opening, (226, 226, 230), Part.BACKGROUND)
    return cv2.resize(canvas.colours, (width, height), interpolation=cv2.INTER_AREA)

"""A supersampled picture and its part map, painted back to front."""

from __future__ import annotations

from enum import IntEnum

import cv2
import numpy as np

from humangen.data.dancers.colours import Colour

CAMERA_PITCH = 0.15  # how far a step towards the camera moves a point down the picture
SUBPIXEL_BITS = 4
RIM_WIDTH = 0.009  # of the line around parts, figure units
CIRCLE = np.stack([np.cos(np.arange(24) * np.pi / 12), np.sin(np.arange(24) * np.pi / 12)], axis=1)
SHADE = 60  # of 256, how much darker the far edge of a round thing is
SHADE_WAY = np.array([0.8, 0.6])  # the direction on the picture away from the light


class Part(IntEnum):
    """What a pixel shows. Left and right are the person's; arms and legs are bare skin."""

    BACKGROUND = 0
    HAIR = 1
    FACE = 2
    NECK = 3
    TOP = 4
    BOTTOM = 5
    LEFT_ARM = 6
    RIGHT_ARM = 7
    LEFT_HAND = 8
    RIGHT_HAND = 9
    LEFT_LEG = 10
    RIGHT_LEG = 11
    LEFT_SHOE = 12
    RIGHT_SHOE = 13


class Canvas:
    """Colours (H, W, 3) and part labels (H, W) with a camera that puts figure units on pixels.

    scale is pixels per figure unit; origin the pixel (x, y) of the figure's origin on the floor.
    """

    def __init__(self, colours: np.ndarray, *, scale: float, origin: tuple[float, float]) -> None:
        self.colours = colours
        self.labels: np.ndarray = np.zeros(colours.shape[:2], np.uint8)
        self.scale = scale
        self.lens = scale * np.array([[1.0, 0.0], [0.0, -1.0], [0.0, CAMERA_PITCH]])
        self.origin = np.array(origin)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of points (..., 3)."""
        pixels: np.ndarray = self.origin + points @ self.lens
        return pixels

    def fill(self, outline: np.ndarray, colour: Colour, part: Part) -> None:
        """Fills a polygon of pixels (N, 2)."""
        corners = fixed_point(outline)
        cv2.fillPoly(self.colours, [corners], colour, cv2.LINE_8, SUBPIXEL_BITS)
        cv2.fillPoly(self.labels, [corners], int(part), cv2.LINE_8, SUBPIXEL_BITS)

    def rim(self, outline: np.ndarray, colour: Colour, part: Part) -> None:
        """Draws the line around a polygon that sets a part off against what is behind it."""
        self.line(np.concatenate([outline, outline[:1]]), RIM_WIDTH, colour, part)

    def line(self, points: np.ndarray, width: float, colour: Colour, part: Part) -> None:
        """Draws an open line through pixels (N, 2); width in figure units."""
        thickness = max(1, round(width * self.scale))
        corners = fixed_point(points)
        cv2.polylines(self.colours, [corners], False, colour, thickness, cv2.LINE_8, SUBPIXEL_BITS)
        cv2.polylines(self.labels, [corners], False, int(part), thickness, cv2.LINE_8, SUBPIXEL_BITS)

    def drape(self, outline: np.ndarray, cloth: np.ndarray, quad: np.ndarray, part: Part) -> None:
        """Fills a polygon (N, 2) with a cloth (h, w, 3) laid on a quad (4, 2), clockwise from top left."""
        height, width = self.labels.shape
        x, y = outline[:, 0], outline[:, 1]
        left, top = max(0, int(x.min())), max(0, int(y.min()))
        right, bottom = min(width, int(x.max()) + 2), min(height, int(y.max()) + 2)
        if left >= right or top >= bottom:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(mask, [fixed_point(outline - [left, top])], 1, cv2.LINE_8, SUBPIXEL_BITS)
        rows, columns = cloth.shape[:2]
        corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        matrix = cv2.getPerspectiveTransform(corners, (quad - [left, top]).astype(np.float32))
        patch = cv2.warpPerspective(
            cloth, matrix, mask.shape[::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
        )
        inside = mask.astype(bool)
        np.copyto(self.colours[top:bottom, left:right], patch, where=inside[..., None])
        self.labels[top:bottom, left:right][inside] = part

    def tube_outline(self, start: np.ndarray, end: np.ndarray, radii: tuple[float, float]) -> np.ndarray:
        """Outline (N, 2) in pixels of two discs at points (3,) joined; radii in figure units."""
        first, second = self.project(start), self.project(end)
        discs = np.concatenate([first + CIRCLE * radii[0] * self.scale, second + CIRCLE * radii[1] * self.scale])
        return cv2.convexHull(discs.astype(np.float32))[:, 0]

    def tube(
        self, start: np.ndarray, end: np.ndarray, radii: tuple[float, float], cloth: np.ndarray, part: Part
    ) -> None:
        """Paints a limb from start to end (each (3,)) with a cloth whose rows go along it."""
        first, second = self.project(start), self.project(end)
        axis = second - first
        length = max(float(np.hypot(*axis)), 1e-3)
        normal = np.array([axis[1], -axis[0]]) / length
        half = normal * max(radii) * self.scale
        quad = np.array([first - half, first + half, second + half, second - half])
        if length < 2:
            quad[2:] += [0.0, 2.0]
        shaded = shade(cloth, float(normal @ SHADE_WAY))
        self.drape(self.tube_outline(start, end, radii), shaded, quad, part)

    def disc(self, centre: np.ndarray, radii: tuple[float, float]) -> np.ndarray:
        """Outline (24, 2) in pixels of an upright ellipse around a point (3,); radii in figure units."""
        outline: np.ndarray = self.project(centre) + CIRCLE * np.array(radii) * self.scale
        return outline


def fixed_point(points: np.ndarray) -> np.ndarray:
    """Pixel centres' coordinates as the integers with SUBPIXEL_BITS fractional bits that OpenCV draws."""
    return np.rint((points - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)


def shade(cloth: np.ndarray, towards: float) -> np.ndarray:
    """The cloth (h, w, 3) darkened towards its right (towards > 0) or left edge, in whole numbers."""
    columns = cloth.shape[1]
    across = np.linspace(-1.0, 1.0, columns) * towards
    factors = 256 - np.rint(SHADE * np.clip(across + 0.1, 0.0, 1.0)).astype(np.uint16)
    return ((cloth * factors[None, :, None]) >> 8).astype(np.uint8)


def plain_cloth(colour: Colour) -> np.ndarray:
    """A cloth (2, 32, 3) of one colour."""
    return np.full((2, 32, 3), colour, np.uint8)


def smooth(outline: np.ndarray, rounds: int = 2) -> np.ndarray:
    """A closed polygon (N, 2) with its corners cut (Chaikin), twice the points a round."""
    for _ in range(rounds):
        following = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * following, 0.25 * outline + 0.75 * following], axis=1).reshape(
            -1, 2
        )
    return outline

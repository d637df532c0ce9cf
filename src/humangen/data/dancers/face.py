"""Head, face and hair. Head units: half the head's height = 1, x to the person's left, y up, z forward."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from humangen.data.dancers.appearance import Dancer, Head
from humangen.data.dancers.canvas import CIRCLE, Canvas, Part, smooth
from humangen.data.dancers.colours import Colour, darker, mix
from humangen.data.dancers.skeleton import HEAD_HALF_HEIGHT, Skeleton

SKULL_WIDTH, SKULL_DEPTH = 0.8, 0.84
EAR = np.array([0.8, -0.05, -0.05])


@dataclass(frozen=True)
class HairCut:
    """Heights of the hairline; puff is the hair's thickness, fall how low it hangs behind."""

    front: float
    side: float
    back: float
    puff: float
    fall: float = 0.0
    width: float = 0.0
    slant: float = 0.0

    @property
    def covers_ears(self) -> bool:
        """Whether the ears are under the hair."""
        return self.side < -0.2


HAIR_CUTS: dict[str, HairCut] = {
    "crop": HairCut(front=0.58, side=0.2, back=-0.35, puff=0.05),
    "short": HairCut(front=0.48, side=0.1, back=-0.45, puff=0.13),
    "parted": HairCut(front=0.5, side=0.05, back=-0.5, puff=0.16, slant=0.22),
    "bob": HairCut(front=0.34, side=-0.62, back=-0.8, puff=0.17, fall=-0.95, width=1.02),
    "long": HairCut(front=0.52, side=-0.5, back=-0.9, puff=0.15, fall=-2.3, width=0.95, slant=0.12),
    "bun": HairCut(front=0.52, side=0.12, back=-0.5, puff=0.08),
    "ponytail": HairCut(front=0.5, side=0.12, back=-0.5, puff=0.1),
    "afro": HairCut(front=0.5, side=-0.1, back=-0.6, puff=0.3),
}


def on_surface(across: np.ndarray, up: np.ndarray, lift: float = 0.0) -> np.ndarray:
    """Points (N, 3) of the face's front at the given places, lifted off it towards the front."""
    inside = np.clip(1 - (across / 0.9) ** 2 - (up / 1.25) ** 2, 0.0, None)
    return np.stack([across, up, SKULL_DEPTH * np.sqrt(inside) + lift], axis=1)


def face_points(smile: float) -> np.ndarray:
    """The 68 landmarks of a face (68, 3) in iBUG order and head units."""
    turn = np.linspace(-np.pi / 2, np.pi / 2, 17)
    jaw = np.stack([0.77 * np.sin(turn), -0.08 - 0.92 * np.cos(turn), 0.02 + 0.5 * np.cos(turn) ** 2], axis=1)
    brow_across, brow_up = np.array([0.54, 0.44, 0.33, 0.23, 0.14]), np.array([0.2, 0.28, 0.31, 0.29, 0.25])
    right_brow, left_brow = on_surface(-brow_across, brow_up), on_surface(brow_across[::-1], brow_up[::-1])
    bridge = on_surface(np.zeros(4), np.array([0.04, -0.08, -0.19, -0.3]))
    bridge[:, 2] += [0.0, 0.06, 0.12, 0.17]
    nostrils = on_surface(np.linspace(-0.12, 0.12, 5), np.array([-0.35, -0.375, -0.39, -0.375, -0.35]), 0.04)
    eye_across, eye_up = (
        np.array([-0.15, -0.07, 0.07, 0.15, 0.07, -0.07]),
        np.array([0, 0.11, 0.11, 0, -0.1, -0.1]),
    )
    right_eye, left_eye = (
        on_surface(eye_across - 0.33, eye_up - 0.03),
        on_surface(eye_across + 0.33, eye_up - 0.03),
    )
    curl = 0.09 * smile
    outer_across = np.array([-0.26, -0.17, -0.07, 0, 0.07, 0.17, 0.26, 0.17, 0.07, 0, -0.07, -0.17])
    outer_up = np.array([curl, 0.045, 0.06, 0.05, 0.06, 0.045, curl, -0.06, -0.1, -0.11, -0.1, -0.06])
    inner_across = np.array([-0.21, -0.07, 0, 0.07, 0.21, 0.07, 0, -0.07])
    inner_up = np.array([0.8 * curl, 0.015, 0.01, 0.015, 0.8 * curl, -0.035, -0.04, -0.035])
    mouth = on_surface(np.concatenate([outer_across, inner_across]), np.concatenate([outer_up, inner_up]) - 0.6)
    return np.concatenate([jaw, right_brow, left_brow, bridge, nostrils, right_eye, left_eye, mouth])


def place_on_head(skeleton: Skeleton, points: np.ndarray) -> np.ndarray:
    """Figure coordinates (..., 3) of points in head units."""
    placed: np.ndarray = skeleton.head + HEAD_HALF_HEIGHT * points @ skeleton.face.T
    return placed


def towards_camera(skeleton: Skeleton, points: np.ndarray) -> np.ndarray:
    """How squarely the head's surface faces the camera (-1..1) at points (..., 3) in head units."""
    normals = points / np.array([SKULL_WIDTH, 1.2, SKULL_DEPTH]) ** 2
    normals = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
    facing: np.ndarray = normals @ skeleton.face[2]
    return facing


def paint_head(canvas: Canvas, skeleton: Skeleton, dancer: Dancer) -> None:
    """Paints ears, head, face and the hair on top, in this order."""
    cut, skin, rim = HAIR_CUTS[dancer.head.hair_style], dancer.skin, darker(dancer.skin, 0.35)
    points = face_points(dancer.head.smile)
    skull_pixels = on_picture(canvas, skeleton, CIRCLE * [0.77, 0.86] + [0.0, 0.1])
    outline = cv2.convexHull(
        np.concatenate([skull_pixels, canvas.project(place_on_head(skeleton, points[:17]))]).astype(np.float32)
    )[:, 0]
    if not cut.covers_ears:
        paint_ears(canvas, skeleton, skin, far=True)
    canvas.rim(outline, rim, Part.FACE)
    canvas.fill(outline, skin, Part.FACE)
    if not cut.covers_ears:
        paint_ears(canvas, skeleton, skin, far=False)
    paint_features(canvas, skeleton, dancer, points)
    paint_hair_cap(canvas, skeleton, dancer.head, cut)


def paint_ears(canvas: Canvas, skeleton: Skeleton, skin: Colour, *, far: bool) -> None:
    """Paints the ears that lie behind (far) or before the middle of the head."""
    for sign in (1, -1):
        ear = EAR * [sign, 1, 1]
        if (float(skeleton.face[2] @ ear) < -0.1) == far:
            outline = canvas.disc(place_on_head(skeleton, ear), (0.015, 0.021))
            canvas.rim(outline, darker(skin, 0.35), Part.FACE)
            canvas.fill(outline, darker(skin, 0.1), Part.FACE)


def paint_features(canvas: Canvas, skeleton: Skeleton, dancer: Dancer, points: np.ndarray) -> None:
    """Paints cheeks, brows, eyes, nose and mouth where they face the camera."""
    pixels = canvas.project(place_on_head(skeleton, points))
    facing = towards_camera(skeleton, points)
    head, skin = dancer.head, dancer.skin
    for sign, brow, eye in ((-1, slice(17, 22), slice(36, 42)), (1, slice(22, 27), slice(42, 48))):
        if facing[eye].mean() < 0.12:
            continue
        cheek = on_surface(np.array([0.42 * sign]), np.array([-0.36]))[0]
        patch = flat_disc(canvas, skeleton, cheek, 0.15)
        canvas.fill(patch, mix(skin, (230, 90, 90), 0.22), Part.FACE)
        canvas.line(pixels[brow], 0.008, mix(head.hair, darker(skin, 0.75), 0.5), Part.FACE)
        canvas.fill(pixels[eye], (252, 250, 246), Part.FACE)
        canvas.fill(flat_disc(canvas, skeleton, points[eye].mean(axis=0), 0.1), head.iris, Part.FACE)
        canvas.line(pixels[eye][:4], 0.006, (40, 28, 34), Part.FACE)
    canvas.fill(pixels[[27, 30, 33]], skin, Part.FACE)
    canvas.line(pixels[[29, 30, 33]], 0.006, darker(skin, 0.3), Part.FACE)
    canvas.fill(pixels[48:60], head.lips, Part.FACE)
    canvas.fill(pixels[60:68], darker(head.lips, 0.5), Part.FACE)


def flat_disc(canvas: Canvas, skeleton: Skeleton, centre: np.ndarray, radius: float) -> np.ndarray:
    """Outline (24, 2) in pixels of a disc that lies on the face at a point (3,), all in head units."""
    disc = np.concatenate([CIRCLE * radius, np.zeros((len(CIRCLE), 1))], axis=1)
    narrowed = disc * [
        max(0.3, float(towards_camera(skeleton, centre))) / max(0.3, float(skeleton.face[2, 2])),
        1,
        1,
    ]
    return canvas.project(place_on_head(skeleton, centre + narrowed))


def hairline_height(cut: HairCut, turns: np.ndarray, side: int) -> np.ndarray:
    """Height of the hairline at angles around the head (0 front, positive to the person's left)."""
    around = np.abs((turns + np.pi) % (2 * np.pi) - np.pi)
    temple = np.clip((around - 0.55) / 0.75, 0, 1)
    nape = np.clip((around - 1.5) / 0.6, 0, 1)
    front = cut.front + cut.slant * side * np.sin(np.clip(turns, -1.6, 1.6) * 1.5)
    rise = temple**2 * (3 - 2 * temple)
    return front + (cut.side - front) * rise + (cut.back - cut.side) * nape


def paint_hair_cap(canvas: Canvas, skeleton: Skeleton, head: Head, cut: HairCut) -> None:
    """Paints the hair above the hairline, as far as the camera sees it."""
    view = np.linspace(-np.pi / 2, np.pi / 2, 25)
    height = hairline_height(cut, view - skeleton.face_yaw, head.hair_side)
    # The rounder side of the skull: the radius shrinks only near the crown and the chin.
    radius = np.sqrt(np.clip(1 - (np.clip(height - 0.1, -0.75, 0.9)) ** 2, 0.05, None)) * (SKULL_WIDTH + 0.02)
    line = np.stack([radius * np.sin(view), height], axis=1)
    line[[0, -1], 0] *= 1 + cut.puff / SKULL_WIDTH
    half = np.array([SKULL_WIDTH + cut.puff, 0.98 + cut.puff])
    ends = [float(np.arcsin(np.clip(height[index] / half[1], -1, 1))) for index in (-1, 0)]
    arc = np.linspace(ends[0], np.pi - ends[1], 25)
    crown = np.stack([np.cos(arc), np.sin(arc)], axis=1) * half
    outline = on_picture(canvas, skeleton, np.concatenate([line, crown]))
    canvas.rim(outline, darker(head.hair, 0.4), Part.HAIR)
    canvas.fill(outline, head.hair, Part.HAIR)
    gloss = np.linspace(0.62 * np.pi, 0.8 * np.pi, 6)
    shine = np.stack([np.cos(gloss), np.sin(gloss)], axis=1) * (half - 0.16 - 0.3 * cut.puff)
    canvas.line(on_picture(canvas, skeleton, shine), 0.012, mix(head.hair, (255, 255, 255), 0.25), Part.HAIR)


def on_picture(canvas: Canvas, skeleton: Skeleton, points: np.ndarray) -> np.ndarray:
    """Pixels (N, 2) of points (N, 2) in head units on the plane of the picture, tilted with the head."""
    up = canvas.project(skeleton.head + skeleton.face[:, 1]) - canvas.project(skeleton.head)
    up = up / np.hypot(*up) * canvas.scale * HEAD_HALF_HEIGHT
    right = np.array([-up[1], up[0]])
    return canvas.project(skeleton.head) + points[:, :1] * right + points[:, 1:] * up


def paint_back_hair(canvas: Canvas, skeleton: Skeleton, head: Head) -> None:
    """Paints the hair that hangs or sticks out behind the head."""
    cut = HAIR_CUTS[head.hair_style]
    shape = np.zeros((0, 2))
    behind = -0.55 * float(np.sin(skeleton.face_yaw))
    if head.hair_style == "bun":
        shape = CIRCLE * 0.42 + [1.5 * behind, 1.15 - abs(behind)]
    elif head.hair_style == "afro":
        shape = CIRCLE * 1.3 + [0.4 * behind, 0.4]
    elif head.hair_style == "ponytail":
        tail = np.array([[0.0, 0.6], [0.75, 0.7], [1.15, 0.1], [1.1, -0.8], [0.8, -1.3], [0.6, -0.6], [0.45, 0.1]])
        side = -1 if behind < -0.05 else 1 if behind > 0.05 else head.hair_side
        shape = tail * [side, 1.0] + [0.5 * behind, 0.0]
    elif cut.fall < 0:
        low, wide = cut.fall, cut.width
        half = np.array(
            [
                [0.0, 1.0],
                [0.7, 0.8],
                [wide, 0.1],
                [wide + 0.05, 0.6 * low],
                [wide - 0.1, low],
                [0.4, low - 0.08],
            ]
        )
        shape = np.concatenate([half, (half * [-1, 1])[::-1]]) + [0.5 * behind, 0.0]
    if len(shape):
        outline = smooth(on_picture(canvas, skeleton, shape))
        colour = darker(head.hair, 0.18)
        canvas.rim(outline, darker(head.hair, 0.4), Part.HAIR)
        canvas.fill(outline, colour, Part.HAIR)

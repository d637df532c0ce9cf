"""Trunk, sleeves, skirts and trousers, painted on a posed skeleton."""

from __future__ import annotations

import cv2
import numpy as np

from humangen.data.dancers.appearance import Bottom, Build, Pattern, Top
from humangen.data.dancers.canvas import Canvas, Part, shade, smooth
from humangen.data.dancers.cloth import ROWS, cloth_around, facing_half
from humangen.data.dancers.colours import Colour, darker
from humangen.data.dancers.skeleton import SPINE, Side, Skeleton

ARM_RADII = (0.031, 0.026, 0.02)
LEG_RADII = (0.05, 0.036, 0.024)
COLLAR = 1.1  # where the trunk ends, in spine lengths above the pelvis
DEPTH = 0.68  # of the trunk, relative to its width
BOTTOM_EASE = 0.008  # how far trousers and skirts stand off the body
Joints = tuple[np.ndarray, np.ndarray, np.ndarray]
Bone = tuple[np.ndarray, np.ndarray, tuple[float, float]]


def rim_colour(pattern: Pattern) -> Colour:
    """The colour of the line around a garment."""
    return darker(pattern.colour, 0.42)


def across_trunk(canvas: Canvas, skeleton: Skeleton) -> np.ndarray:
    """The unit vector (2,) on the picture across the spine, to the picture's right."""
    up = canvas.project(skeleton.chest) - canvas.project(skeleton.pelvis)
    unit: np.ndarray = np.array([-up[1], up[0]]) / max(float(np.hypot(*up)), 1e-3)
    return unit


def trunk_ring(
    canvas: Canvas, skeleton: Skeleton, level: float, half_width: float, depth: float = DEPTH
) -> tuple[np.ndarray, np.ndarray]:
    """Left and right end (each (2,) pixels) of the trunk at a level in spine lengths above the pelvis."""
    centre = canvas.project(skeleton.pelvis + level * (skeleton.chest - skeleton.pelvis))
    yaw = skeleton.hip_yaw + float(np.clip(level, 0, 1)) * (skeleton.chest_yaw - skeleton.hip_yaw)
    half = half_width * float(np.hypot(np.cos(yaw), depth * np.sin(yaw))) * canvas.scale
    side = half * across_trunk(canvas, skeleton)
    return centre - side, centre + side


def trunk_outline(canvas: Canvas, skeleton: Skeleton, build: Build, ease: float, hem: float) -> np.ndarray:
    """Outline (N, 2) in pixels of the trunk, collar to `hem` below the hip joints, widened by ease."""
    rings = [
        trunk_ring(canvas, skeleton, COLLAR, 0.038, 1.0),
        trunk_ring(canvas, skeleton, 1.03, build.shoulder * 0.85 + 0.4 * ease),
        trunk_ring(canvas, skeleton, 0.93, build.shoulder + 0.012 + 0.4 * ease),
        trunk_ring(canvas, skeleton, 0.72, build.shoulder * 0.9 + ease, 0.8),
        trunk_ring(canvas, skeleton, 0.36, build.waist + ease, 0.9),
        trunk_ring(canvas, skeleton, 0.02, build.hip + ease, 0.9),
        trunk_ring(canvas, skeleton, -hem / SPINE, build.hip + ease + 0.1 * hem, 0.9),
    ]
    return smooth(np.array([right for _, right in rings] + [left for left, _ in rings[::-1]]), 2)


def paint_top_trunk(canvas: Canvas, skeleton: Skeleton, build: Build, top: Top) -> None:
    """Paints the trunk of a shirt, or the whole of a dress but its sleeves."""
    hem = 0.03 if top.is_dress else top.hem
    outline = trunk_outline(canvas, skeleton, build, top.looseness, hem)
    skirt = None if top.skirt is None else skirt_outline(canvas, skeleton, build, 0.04, top.skirt)
    rim = rim_colour(top.pattern)
    if skirt is not None:
        canvas.rim(skirt, rim, Part.TOP)
    canvas.rim(outline, rim, Part.TOP)
    if skirt is not None:
        paint_skirt(canvas, skirt, skeleton, build, top.pattern, Part.TOP)
    length = (COLLAR * SPINE) + hem
    girth = 2 * np.pi * build.shoulder * 0.85
    cloth = cloth_around(top.pattern, round(girth, 4), round(length, 4), 0)
    half_width = build.shoulder + 0.5 * top.looseness
    upper = trunk_ring(canvas, skeleton, COLLAR, half_width)
    lower = trunk_ring(canvas, skeleton, -hem / SPINE, half_width)
    seen = facing_half(cloth, 1.0, DEPTH, skeleton.chest_yaw)
    canvas.drape(outline, shade(seen, 1.0), np.array([upper[0], upper[1], lower[1], lower[0]]), Part.TOP)
    if top.is_dress:
        belt = np.array(trunk_ring(canvas, skeleton, 0.3, build.waist + top.looseness, 0.9))
        canvas.line(belt, 0.022, darker(top.pattern.accent, 0.15), Part.TOP)


def neckline_outline(canvas: Canvas, skeleton: Skeleton, neckline: str) -> np.ndarray:
    """Outline (N, 2) in pixels of the opening at the front of the collar."""
    width, drop = {"round": (0.048, 0.04), "vee": (0.044, 0.085), "boat": (0.066, 0.022)}[neckline]
    turn = np.linspace(0, np.pi, 9)
    depth = np.abs(1 - np.abs(np.linspace(-1, 1, 9))) if neckline == "vee" else np.sin(turn)
    local = np.stack([-width * np.cos(turn), 0.028 - (drop + 0.012) * depth, 0.03 + 0.03 * np.sin(turn)], axis=1)
    return canvas.project(skeleton.chest + local @ skeleton.trunk.T)


def skirt_outline(canvas: Canvas, skeleton: Skeleton, build: Build, flare: float, reach: float) -> np.ndarray:
    """Outline (N, 2) in pixels of a skirt that hangs over both thighs down to `reach` (1 is the knee)."""
    waist = trunk_ring(canvas, skeleton, 0.3, build.waist + BOTTOM_EASE, 0.9)
    hips = trunk_ring(canvas, skeleton, -0.1, build.hip + BOTTOM_EASE, 0.9)
    hems = [side.hip + reach * (side.knee - side.hip) for side in (skeleton.left, skeleton.right)]
    discs = [canvas.disc(hem, (LEG_RADII[1] + flare, 0.03)) for hem in hems]
    points = np.concatenate([np.array([*waist, *hips]), *discs])
    return cv2.convexHull(points.astype(np.float32))[:, 0]


def paint_skirt(
    canvas: Canvas, outline: np.ndarray, skeleton: Skeleton, build: Build, pattern: Pattern, part: Part
) -> None:
    """Paints a skirt; its cloth spreads from the waist to the width of the hem."""
    left, top = outline.min(axis=0)
    right, bottom = outline.max(axis=0)
    waist = trunk_ring(canvas, skeleton, 0.3, 0.75 * build.hip + 0.25 * (right - left) / canvas.scale)
    cloth = cloth_around(pattern, round(2 * np.pi * build.hip * 1.15, 4), 0.34, 0)
    if pattern.kind in ("print", "yoke"):
        cloth = cloth[-2:]
    quad = np.array([waist[0], waist[1], [right, bottom], [left, bottom]])
    canvas.drape(outline, shade(facing_half(cloth, 1.0, 0.8, skeleton.hip_yaw), 1.0), quad, part)


def limb_pieces(joints: Joints, radii: tuple[float, float, float], reach: float) -> list[Bone]:
    """The one or two bones of a limb up to `reach` (1 is the middle joint): start, end, radii at both."""
    pieces = []
    for bone in range(2):
        share = float(np.clip(reach - bone, 0.0, 1.0))
        if share > 0:
            start, end = joints[bone], joints[bone] + share * (joints[bone + 1] - joints[bone])
            pieces.append((start, end, (radii[bone], radii[bone] + share * (radii[bone + 1] - radii[bone]))))
    return pieces


def paint_limb(
    canvas: Canvas,
    joints: Joints,
    radii: tuple[float, float, float],
    reach: float,
    cloth: np.ndarray,
    rim: Colour,
    part: Part,
) -> None:
    """Paints a bent limb up to `reach`; the cloth's rows run from its root to its end (reach 2)."""
    pieces = limb_pieces(joints, radii, reach)
    for start, end, ends in pieces:
        canvas.rim(canvas.tube_outline(start, end, ends), rim, part)
    rows = cloth.shape[0]
    for bone, (start, end, ends) in enumerate(pieces):
        last = rows * min(reach, bone + 1) / 2
        canvas.tube(start, end, ends, cloth[bone * rows // 2 : max(int(last), bone * rows // 2 + 1)], part)


def sleeve_reach(top: Top) -> float:
    """How far the sleeve goes down the arm: 0 nothing, 1 elbow, 2 wrist."""
    return {"none": 0.0, "short": 0.72, "long": 1.9}[top.sleeve]


def sleeve_radii(build: Build, top: Top) -> tuple[float, float, float]:
    """Radii of a sleeve at shoulder, elbow and wrist."""
    ease = 0.004 + 0.4 * top.looseness
    first, second, third = (radius * build.thickness + ease for radius in ARM_RADII)
    return first, second + (0.006 if top.sleeve == "short" else 0.0), third


def paint_sleeve(canvas: Canvas, side: Side, build: Build, top: Top, sign: int) -> None:
    """Paints the sleeve of the left (sign 1) or right (sign -1) arm, if the garment has one."""
    reach = sleeve_reach(top)
    if reach == 0:
        return
    cloth = facing_half(cloth_around(top.pattern, 0.21, 0.3, sign), 1.0, 1.0, 0.0)[:, ::4]
    rim = darker(top.pattern.accent if cloth[0, 0].tolist() == list(top.pattern.accent) else top.pattern.colour, 0.42)
    joints = (side.shoulder, side.elbow, side.wrist)
    paint_limb(canvas, joints, sleeve_radii(build, top), reach, cloth, rim, Part.TOP)


def paint_trouser_leg(canvas: Canvas, side: Side, build: Build, bottom: Bottom, sign: int) -> None:
    """Paints one leg of trousers or shorts."""
    first, second, third = (radius * build.thickness + BOTTOM_EASE for radius in LEG_RADII)
    flared = second + 0.012 if bottom.kind == "shorts" else second
    cloth = facing_half(cloth_around(bottom.pattern, 0.3, 0.46, sign), 1.0, 1.0, 0.0)[:, ::4]
    joints = (side.hip, side.knee, side.ankle)
    radii = (first, flared, third + 0.008)
    paint_limb(canvas, joints, radii, bottom.reach, cloth, rim_colour(bottom.pattern), Part.BOTTOM)


def paint_hips(canvas: Canvas, skeleton: Skeleton, build: Build, bottom: Bottom) -> None:
    """Paints the part of the bottom garment that goes around both legs."""
    if bottom.kind == "skirt":
        outline = skirt_outline(canvas, skeleton, build, 0.03, bottom.reach)
        canvas.rim(outline, rim_colour(bottom.pattern), Part.BOTTOM)
        paint_skirt(canvas, outline, skeleton, build, bottom.pattern, Part.BOTTOM)
        return
    waist = trunk_ring(canvas, skeleton, 0.3, build.waist + BOTTOM_EASE, 0.9)
    hips = trunk_ring(canvas, skeleton, -0.02, build.hip + BOTTOM_EASE, 0.9)
    crotch = canvas.project(skeleton.pelvis - [0.0, 0.055, 0.0])
    outline = np.array([*waist, hips[1], crotch, hips[0]])
    cloth = cloth_around(bottom.pattern, 0.5, 0.3, 0)[: ROWS // 2]
    left, right = outline[:, 0].min(), outline[:, 0].max()
    top, low = outline[:, 1].min(), outline[:, 1].max()
    quad = np.array([[left, top], [right, top], [right, low], [left, low]])
    canvas.drape(outline, shade(cloth, 1.0), quad, Part.BOTTOM)

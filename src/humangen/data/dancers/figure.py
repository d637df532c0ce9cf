"""A whole dancer on a canvas, back to front."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from humangen.data.dancers.appearance import LOOSEST, LOWEST_HEM, Build, Dancer, Top
from humangen.data.dancers.canvas import RIM_WIDTH, Canvas, Part, plain_cloth
from humangen.data.dancers.colours import Colour, darker, mix
from humangen.data.dancers.face import paint_back_hair, paint_head
from humangen.data.dancers.garments import (
    ARM_RADII,
    LEG_RADII,
    neckline_outline,
    paint_hips,
    paint_limb,
    paint_sleeve,
    paint_top_trunk,
    paint_trouser_leg,
    skirt_outline,
    sleeve_radii,
    trunk_outline,
)
from humangen.data.dancers.skeleton import Side, Skeleton

FINGER_RADII = (0.0085, 0.0065)
ARM_FORWARD = 0.035  # an arm counts as before the trunk until its middle is this far behind the trunk's


def paint_dancer(canvas: Canvas, skeleton: Skeleton, dancer: Dancer) -> None:
    """Paints the figure: hair and arms behind, legs, clothes, head, arms before the trunk."""
    sides = {1: skeleton.left, -1: skeleton.right}
    arms = sorted(sides, key=lambda sign: arm_depth(skeleton, sides[sign]))
    legs = sorted(sides, key=lambda sign: float(sides[sign].knee[2] + sides[sign].ankle[2]))
    behind = [sign for sign in arms if arm_depth(skeleton, sides[sign]) < 0]
    paint_back_hair(canvas, skeleton, dancer.head)
    for sign in behind:
        paint_arm(canvas, sides[sign], dancer, sign)
    for sign in legs:
        paint_leg(canvas, sides[sign], dancer, sign)
    if not dancer.top.is_dress:
        paint_hips(canvas, skeleton, dancer.build, dancer.bottom)
    paint_top_trunk(canvas, skeleton, dancer.build, dancer.top)
    paint_neck(canvas, skeleton, dancer)
    paint_head(canvas, skeleton, dancer)
    for sign in arms:
        if sign not in behind:
            paint_arm(canvas, sides[sign], dancer, sign)


def arm_depth(skeleton: Skeleton, side: Side) -> float:
    """How far an arm is before (positive) or behind the trunk."""
    return float(0.4 * side.elbow[2] + 0.6 * side.wrist[2] - skeleton.chest[2]) + ARM_FORWARD


def paint_neck(canvas: Canvas, skeleton: Skeleton, dancer: Dancer) -> None:
    """Paints the neckline's skin and the neck."""
    skin = darker(dancer.skin, 0.1)
    opening = neckline_outline(canvas, skeleton, dancer.top.neckline)
    canvas.rim(opening, darker(dancer.top.pattern.colour, 0.3), Part.NECK)
    canvas.fill(opening, dancer.skin, Part.NECK)
    low = skeleton.chest + 0.01 * skeleton.trunk[:, 1]
    high = skeleton.head - 0.045 * skeleton.face[:, 1] - 0.01 * skeleton.face[:, 2]
    canvas.tube(low, high, (0.034, 0.03), plain_cloth(skin), Part.NECK)


def paint_arm(canvas: Canvas, side: Side, dancer: Dancer, sign: int) -> None:
    """Paints arm, hand and sleeve; sign is 1 for the left."""
    part, hand_part = (Part.LEFT_ARM, Part.LEFT_HAND) if sign > 0 else (Part.RIGHT_ARM, Part.RIGHT_HAND)
    rim = darker(dancer.skin, 0.35)
    first, second, third = (radius * dancer.build.thickness for radius in ARM_RADII)
    paint_hand(canvas, side, dancer.skin, hand_part)
    joints = (side.shoulder, side.elbow, side.wrist)
    paint_limb(canvas, joints, (first, second, third), 2.0, plain_cloth(dancer.skin), rim, part)
    paint_sleeve(canvas, side, dancer.build, dancer.top, sign)


def paint_hand(canvas: Canvas, side: Side, skin: Colour, part: Part) -> None:
    """Paints palm and fingers through the hand's own joints."""
    hand = side.hand
    rim = darker(skin, 0.35)
    palm = np.concatenate([canvas.disc(hand[joint], (0.012, 0.012)) for joint in (0, 2, 5, 9, 13, 17)])
    outlines = [cv2.convexHull(palm.astype(np.float32))[:, 0]]
    for base in (1, 5, 9, 13, 17):
        outlines.append(canvas.tube_outline(hand[base], hand[base + 1], (FINGER_RADII[0],) * 2))
        outlines.append(canvas.tube_outline(hand[base + 1], hand[base + 3], FINGER_RADII))
    for outline in outlines:
        canvas.rim(outline, rim, part)
    for outline in outlines:
        canvas.fill(outline, skin, part)


def paint_leg(canvas: Canvas, side: Side, dancer: Dancer, sign: int) -> None:
    """Paints leg, shoe and, under trousers or shorts, their leg; sign is 1 for the left."""
    part, shoe_part = (Part.LEFT_LEG, Part.LEFT_SHOE) if sign > 0 else (Part.RIGHT_LEG, Part.RIGHT_SHOE)
    first, second, third = (radius * dancer.build.thickness for radius in LEG_RADII)
    joints = (side.hip, side.knee, side.ankle)
    rim = darker(dancer.skin, 0.35)
    paint_limb(canvas, joints, (first, second, third), 2.0, plain_cloth(dancer.skin), rim, part)
    paint_shoe(canvas, side, dancer.shoes, shoe_part)
    if not dancer.top.is_dress and dancer.bottom.kind != "skirt":
        paint_trouser_leg(canvas, side, dancer.build, dancer.bottom, sign)


def paint_shoe(canvas: Canvas, side: Side, colour: Colour, part: Part) -> None:
    """Paints a shoe with a light sole."""
    middle = 0.45 * side.heel + 0.55 * side.toe + [0.0, 0.01, 0.0]
    upper = [
        canvas.tube_outline(side.heel, side.toe, (0.023, 0.02)),
        canvas.tube_outline(side.ankle, middle, (0.026, 0.018)),
    ]
    down = np.array([0.0, 0.008, 0.0])
    sole = canvas.tube_outline(side.heel - down, side.toe - down, (0.022, 0.021))
    canvas.rim(sole, darker(colour, 0.5), part)
    canvas.fill(sole, mix(colour, (255, 255, 255), 0.75), part)
    for outline in upper:
        canvas.fill(outline, colour, part)


def widest(top: Top) -> Top:
    """The largest garment of this one's kind, shirt or dress."""
    return replace(top, sleeve="long", neckline="boat", looseness=LOOSEST, hem=LOWEST_HEM, skirt=top.skirt and 1.0)


def garment_region(canvas: Canvas, skeleton: Skeleton, build: Build, top: Top) -> np.ndarray:
    """Where any top of this kind might be: a mask (H, W) of 0 and 1, with what covers the top left in."""
    shapes = [trunk_outline(canvas, skeleton, build, 0.04, 0.085), neckline_outline(canvas, skeleton, "vee")]
    if top.skirt is not None:
        shapes.append(skirt_outline(canvas, skeleton, build, 0.07, 1.1))
    first, second, third = (radius + 0.02 for radius in sleeve_radii(build, top))
    for side in (skeleton.left, skeleton.right):
        shapes.append(canvas.tube_outline(side.shoulder, side.elbow, (first, second)))
        shapes.append(canvas.tube_outline(side.elbow, side.wrist, (second, third)))
    mask = np.zeros(canvas.labels.shape, np.uint8)
    for shape in shapes:
        corners = np.rint(shape).astype(np.int32)
        cv2.fillPoly(mask, [corners], 1)
        cv2.polylines(mask, [corners], True, 1, max(1, round(2 * RIM_WIDTH * canvas.scale)))
    return mask

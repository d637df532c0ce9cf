"""Patterned cloth as small pictures, wrapped around trunks and limbs."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from humangen.data.dancers.appearance import Pattern

AROUND = 384  # columns of a cloth that goes all the way round
ROWS = 256
MOTIFS: dict[str, np.ndarray] = {  # corners in -1..1, y down
    "disc": np.stack([np.cos(np.arange(32) * np.pi / 16), np.sin(np.arange(32) * np.pi / 16)], axis=1) * 0.85,
    "star": np.stack([np.sin(np.arange(10) * np.pi / 5), -np.cos(np.arange(10) * np.pi / 5)], axis=1)
    * np.tile([1.1, 0.5], 5)[:, None],
    "heart": np.array(
        [
            [0, 0.95],
            [-0.9, 0.0],
            [-0.95, -0.45],
            [-0.6, -0.8],
            [-0.25, -0.75],
            [0, -0.4],
            [0.25, -0.75],
            [0.6, -0.8],
            [0.95, -0.45],
            [0.9, 0.0],
        ]
    ),
    "diamond": np.array([[0, -1], [0.8, 0], [0, 1], [-0.8, 0]]),
    "bolt": np.array([[0.3, -1], [-0.65, 0.15], [-0.1, 0.15], [-0.3, 1], [0.65, -0.2], [0.1, -0.2], [0.55, -1]]),
}
MOTIF_SIZE = 0.058  # half the size of a print, figure units
YOKE = 0.115  # length of the upper colour block


@lru_cache(maxsize=256)
def cloth_around(pattern: Pattern, girth: float, length: float, side: int) -> np.ndarray:
    """The pattern (ROWS, AROUND, 3) all around a tube of a girth and length; its middle column is the front.

    side is 0 for the trunk, 1 and -1 for left and right limbs, each of one colour in colour blocks.
    """
    turns = (np.arange(AROUND) + 0.5)[None, :] / AROUND - 0.5
    down = (np.arange(ROWS) + 0.5)[:, None] * length / ROWS
    accented = np.broadcast_to(accent_area(pattern, turns, down, girth, side), (ROWS, AROUND))
    cloth = np.where(accented[..., None], np.array(pattern.accent, np.uint8), np.array(pattern.colour, np.uint8))
    if pattern.kind == "print" and side == 0:
        corners = MOTIFS[pattern.motif] * MOTIF_SIZE * [AROUND / girth, ROWS / length]
        corners += [AROUND / 2, 0.15 * ROWS / length]
        cv2.fillPoly(cloth, [np.rint(corners).astype(np.int32)], pattern.accent)
    cloth.setflags(write=False)
    return cloth


def accent_area(pattern: Pattern, turns: np.ndarray, down: np.ndarray, girth: float, side: int) -> np.ndarray:
    """Where the cloth is accented, a boolean that broadcasts to turns (1, C; -0.5..0.5) by down (R, 1)."""
    repeats = max(1, round(girth / pattern.period))
    if pattern.kind == "stripes":
        return (down / pattern.period) % 1 >= 0.5
    if pattern.kind == "bars":
        return (turns * repeats + 0.25) % 1 < 0.5
    if pattern.kind == "dots":
        row = np.floor(down / pattern.period)
        across = ((turns * repeats + 0.5 + 0.5 * (row % 2)) % 1 - 0.5) * girth / repeats
        along = (down / pattern.period - row - 0.5) * pattern.period
        return across**2 + along**2 < (0.29 * pattern.period) ** 2
    if pattern.kind == "halves":
        return turns > 0 if side == 0 else np.array([[side > 0]])
    if pattern.kind == "yoke":
        return down < YOKE if side == 0 else np.array([[True]])
    return np.array([[False]])


def facing_half(cloth: np.ndarray, half_width: float, half_depth: float, yaw: float) -> np.ndarray:
    """The columns of an all-around cloth that the camera sees on an elliptic trunk turned by yaw."""
    offset = np.arctan2(half_depth * np.sin(yaw), half_width * np.cos(yaw))
    across = (np.arange(AROUND // 2) + 0.5) / (AROUND // 4) - 1
    turns = (np.arcsin(across) - offset) / (2 * np.pi) + 0.5
    return cloth[:, np.floor(turns % 1 * AROUND).astype(int) % AROUND]

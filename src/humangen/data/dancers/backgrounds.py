"""Still backgrounds: a wall, a floor and a few large flat things, all in units of the picture's height."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from humangen.data.dancers.appearance import Scene
from humangen.data.dancers.colours import Colour, darker, mix

WHITE: Colour = (255, 255, 255)
SHADOW = 0.22


@lru_cache(maxsize=8)
def paint_scene(scene: Scene, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The background (height, width, 3) and the same in shadow."""
    brush = Brush(height, width)
    brush.box(-9, 0, 9, 1, scene.wall)
    chooser = np.random.default_rng([scene.seed, 3])
    WALL_THINGS[scene.kind](brush, scene, chooser)
    brush.box(-9, scene.horizon, 9, 1, scene.floor)
    brush.box(-9, scene.horizon - 0.012, 9, scene.horizon + 0.008, mix(scene.wall, WHITE, 0.45))
    brush.box(-9, scene.horizon + 0.008, 9, scene.horizon + 0.03, darker(scene.floor, 0.12))
    if scene.kind == "plants":
        paint_plant(brush, scene, -0.38, chooser)
        paint_plant(brush, scene, 0.39, chooser)
    shaded = np.rint(brush.pixels * (1 - SHADOW)).astype(np.uint8)
    brush.pixels.setflags(write=False)
    shaded.setflags(write=False)
    return brush.pixels, shaded


class Brush:
    """Fills shapes whose x is from the middle and y from the top, both in picture heights."""

    def __init__(self, height: int, width: int) -> None:
        self.pixels = np.zeros((height, width, 3), np.uint8)
        self.height, self.width = height, width

    def polygon(self, corners: np.ndarray, colour: Colour) -> None:
        """Fills a polygon (N, 2)."""
        pixels = np.asarray(corners, np.float64) * self.height + [self.width / 2, 0]
        cv2.fillPoly(self.pixels, [np.rint(pixels * 16).astype(np.int32)], colour, cv2.LINE_8, 4)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fills an upright rectangle."""
        self.polygon(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]), colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour, stretch: float = 1.0) -> None:
        """Fills an ellipse; stretch is its height over its width."""
        turn = np.arange(72) * np.pi / 36
        self.polygon(np.stack([x + radius * np.cos(turn), y + stretch * radius * np.sin(turn)], axis=1), colour)


def paint_room(brush: Brush, scene: Scene, chooser: np.random.Generator) -> None:
    """A panel on the wall and two framed pictures."""
    brush.box(-9, scene.horizon - 0.25, 9, 1, scene.accents[0])
    brush.box(-9, scene.horizon - 0.265, 9, scene.horizon - 0.25, mix(scene.wall, WHITE, 0.4))
    for x in (-0.33, 0.34):
        y, size = float(chooser.uniform(0.16, 0.28)), float(chooser.uniform(0.07, 0.1))
        brush.box(x - size, y - 1.2 * size, x + size, y + 1.2 * size, mix(scene.wall, WHITE, 0.6))
        brush.box(x - 0.8 * size, y - size, x + 0.8 * size, y + size, scene.accents[1])
        brush.disc(x, y, 0.5 * size, darker(scene.accents[0], 0.15))


def paint_window(brush: Brush, scene: Scene, chooser: np.random.Generator) -> None:
    """A large window with a sky and a hill, off the middle."""
    x = float(chooser.uniform(0.05, 0.22)) * (1 if chooser.random() < 0.5 else -1)
    frame, sky = mix(scene.wall, WHITE, 0.65), mix(scene.wall, (150, 200, 236), 0.6)
    brush.box(x - 0.27, 0.1, x + 0.27, 0.56, frame)
    brush.box(x - 0.245, 0.125, x + 0.245, 0.535, sky)
    brush.disc(x + 0.1, 0.24, 0.05, mix(sky, (255, 240, 190), 0.7))
    hill = np.array(
        [
            [-0.245, 0.535],
            [-0.245, 0.45],
            [-0.12, 0.4],
            [0.02, 0.44],
            [0.14, 0.41],
            [0.245, 0.47],
            [0.245, 0.535],
        ]
    )
    brush.polygon(hill + [x, 0], mix(sky, (90, 150, 100), 0.5))
    brush.box(x - 0.01, 0.1, x + 0.01, 0.56, frame)
    brush.box(x - 0.3, 0.56, x + 0.3, 0.585, darker(frame, 0.12))


def paint_arches(brush: Brush, scene: Scene, chooser: np.random.Generator) -> None:
    """Three round-headed niches."""
    for index in range(-2, 3):
        x, top = index * 0.33, float(chooser.uniform(0.28, 0.4))
        for inset, colour in ((0.0, scene.accents[0]), (0.035, scene.accents[1])):
            brush.disc(x, top, 0.14 - inset, colour)
            brush.box(x - 0.14 + inset, top, x + 0.14 - inset, 1, colour)


def paint_stripes(brush: Brush, scene: Scene, chooser: np.random.Generator) -> None:
    """Wide slanted stripes."""
    slant, width = float(chooser.uniform(-0.35, 0.35)), float(chooser.uniform(0.12, 0.18))
    for index in range(-8, 9):
        x = 2 * width * index
        corners = np.array([[x, 0], [x + width, 0], [x + width + slant, 1], [x + slant, 1]])
        brush.polygon(corners, scene.accents[index % 2])


def paint_hills(brush: Brush, scene: Scene, chooser: np.random.Generator) -> None:
    """A sun and two rows of hills."""
    brush.disc(float(chooser.uniform(-0.3, 0.3)), 0.25, 0.13, mix(scene.wall, WHITE, 0.5))
    for row, colour in enumerate(scene.accents):
        start = float(chooser.uniform(0, 6.3))
        x = np.linspace(-1.5, 1.5, 97)
        y = scene.horizon - 0.24 + 0.13 * row + (0.08 - 0.02 * row) * np.sin(x * (5 + 2 * row) + start)
        brush.polygon(np.concatenate([np.stack([x, y], axis=1), [[1.5, 1.0], [-1.5, 1.0]]]), colour)


def paint_low_panel(brush: Brush, scene: Scene, chooser: np.random.Generator) -> None:
    """A broad band of colour with a wavy upper edge."""
    start = float(chooser.uniform(0, 6.3))
    x = np.linspace(-1.5, 1.5, 97)
    y = 0.42 + 0.06 * np.sin(4.5 * x + start)
    brush.polygon(np.concatenate([np.stack([x, y], axis=1), [[1.5, 1.0], [-1.5, 1.0]]]), scene.accents[1])


def paint_discs(brush: Brush, scene: Scene, chooser: np.random.Generator) -> None:
    """A large ring in the middle and a few discs."""
    brush.disc(0.0, 0.42, 0.36, scene.accents[0])
    brush.disc(0.0, 0.42, 0.28, mix(scene.wall, WHITE, 0.2))
    for x in (-0.42, 0.42, -0.3, 0.3):
        brush.disc(x, float(chooser.uniform(0.1, 0.6)), float(chooser.uniform(0.05, 0.1)), scene.accents[1])


def paint_gradient(brush: Brush, scene: Scene, chooser: np.random.Generator) -> None:
    """A soft glow from one side to the other."""
    ends = (scene.accents[0], mix(scene.wall, WHITE, 0.35))
    if chooser.random() < 0.5:
        ends = ends[::-1]
    share = np.linspace(0, 1, brush.width)[None, :, None]
    row = np.rint((1 - share) * np.array(ends[0]) + share * np.array(ends[1])).astype(np.uint8)
    brush.pixels[:] = row


def paint_plant(brush: Brush, scene: Scene, x: float, chooser: np.random.Generator) -> None:
    """A pot with five leaves on the floor's far edge."""
    green, base = mix(scene.wall, (40, 120, 80), 0.6), scene.horizon + 0.03
    for angle in (-0.75, 0.75, -0.4, 0.4, 0.0):
        length = float(chooser.uniform(0.22, 0.32))
        way = np.array([np.sin(angle), -np.cos(angle)])
        wide = np.array([way[1], -way[0]]) * 0.035
        leaf = np.array([way * 0.05, way * 0.45 * length + wide, way * length, way * 0.45 * length - wide])
        brush.polygon(leaf + [x, base - 0.08], darker(green, 0.12 * abs(angle)))
    pot = np.array([[-0.06, -0.1], [0.06, -0.1], [0.045, 0.03], [-0.045, 0.03]])
    brush.polygon(pot + [x, base], darker(scene.accents[0], 0.25))


WALL_THINGS = {
    "room": paint_room,
    "window": paint_window,
    "arches": paint_arches,
    "stripes": paint_stripes,
    "hills": paint_hills,
    "plants": paint_low_panel,
    "discs": paint_discs,
    "gradient": paint_gradient,
}

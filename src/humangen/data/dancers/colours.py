"""Palettes and arithmetic of RGB colours, 0..255."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Colour = tuple[int, int, int]

SKINS: tuple[Colour, ...] = (
    (250, 219, 196),
    (242, 198, 165),
    (226, 172, 132),
    (200, 140, 98),
    (160, 104, 70),
    (118, 74, 50),
    (86, 54, 40),
)
HAIR_COLOURS: tuple[Colour, ...] = (
    (38, 30, 34),
    (66, 44, 36),
    (110, 68, 40),
    (160, 84, 40),
    (214, 168, 96),
    (236, 208, 150),
    (158, 160, 168),
    (176, 62, 74),
    (72, 92, 160),
    (196, 110, 168),
)
CLOTH_COLOURS: tuple[Colour, ...] = (
    (222, 66, 62),
    (240, 126, 52),
    (250, 196, 60),
    (74, 160, 92),
    (30, 112, 104),
    (52, 122, 206),
    (34, 56, 120),
    (122, 82, 176),
    (222, 92, 148),
    (246, 240, 228),
    (44, 46, 58),
    (120, 62, 56),
    (128, 190, 214),
    (170, 200, 88),
    (246, 178, 170),
    (150, 150, 160),
)
WALLS: tuple[Colour, ...] = (
    (244, 224, 200),
    (206, 226, 224),
    (232, 208, 214),
    (214, 218, 238),
    (222, 230, 200),
    (250, 236, 190),
    (120, 156, 168),
    (198, 136, 110),
    (92, 104, 136),
    (150, 172, 140),
    (176, 154, 186),
    (70, 110, 112),
)
FLOORS: tuple[Colour, ...] = (
    (198, 164, 128),
    (164, 128, 100),
    (180, 178, 172),
    (128, 128, 138),
    (214, 192, 164),
    (150, 116, 110),
)
IRISES: tuple[Colour, ...] = ((60, 40, 30), (44, 70, 110), (50, 90, 60), (30, 26, 30))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` of the way from first to second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Colour, share: float) -> Colour:
    """The colour mixed with a bluish black, which keeps shades from looking dirty."""
    return mix(colour, (30, 20, 50), share)


def colour_distance(first: Colour, second: Colour) -> float:
    """Perceived distance of two colours (the "redmean" weighting), 0..765."""
    red_mean = (first[0] + second[0]) / 2
    red, green, blue = (float(a - b) for a, b in zip(first, second, strict=True))
    return float(((2 + red_mean / 256) * red**2 + 4 * green**2 + (2 + (255 - red_mean) / 256) * blue**2) ** 0.5)


def distinct_colour(
    chooser: np.random.Generator, options: Sequence[Colour], apart: Sequence[tuple[Colour, float]]
) -> Colour:
    """The first option in random order that keeps every wanted distance, else the one nearest to it."""
    shuffled = [options[int(index)] for index in chooser.permutation(len(options))]

    def shortfall(option: Colour) -> float:
        return max(max(wanted - colour_distance(option, other), 0.0) for other, wanted in apart)

    return min(shuffled, key=shortfall)

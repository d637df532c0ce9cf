"""Mask files, of regions to paint and of people: white where they are.

Whoever writes one writes it otherwise, so they are read by what they show: by brightness, whatever the order of a
palette, or by the transparency of a layer that has one colour. 1 is white in a file that has nothing above it.
"""

from __future__ import annotations

import cv2
import numpy as np

from humangen.media import decode_transparent
from humangen.types import InputError

ONE_COLOUR = 16  # levels by which the colour of a layer may differ with itself: a lossy file's
MOST_GREY = 0.05  # of a mask: what JPEG, resizing and soft edges leave
NUMBERS = 32  # below it, levels are the numbers of people or of their parts, as Grounded-SAM writes them


def decode_mask(data: bytes, name: str) -> np.ndarray:
    """The levels (H, W), uint8, of a mask's file: its alpha where all that can be seen has one colour, else its
    brightness, and what is transparent is black."""
    pixels = np.asarray(decode_transparent(data, name))
    colours, alpha = pixels[..., :3], pixels[..., 3]
    seen = colours[alpha >= 128]
    if 0 < len(seen) < alpha.size and np.ptp(seen, axis=0).max() <= ONE_COLOUR:
        return alpha
    shown = colours.astype(np.uint16) * alpha[..., None] // 255
    return cv2.cvtColor(shown.astype(np.uint8), cv2.COLOR_RGB2GRAY)


def region_from_mask(levels: np.ndarray, name: str = "the mask") -> np.ndarray:
    """The region of a mask's levels, uint8 (H, W): 255 (or, where there is none above it, 1) to paint, 0 to keep.

    Raises `InputError` for greys, and where nothing is to be painted. Mirrors of VITON-HD ship the person with a grey
    region in place of its mask (IDM-VTON issue 185).
    """
    region = _white(levels * np.uint8(255) if levels.max() == 1 else levels, name, "keep", "paint")
    if not region.any():
        raise InputError(f"{name} marks nothing to paint: it must be white (255) there")
    return region


def person_from_mask(levels: np.ndarray, name: str = "the mask") -> np.ndarray:
    """Where the people are by a mask's levels, uint8 (H, W): 255, or their numbers from 1 on where there is nothing
    above them; nowhere where all is 0. Raises `InputError` for greys."""
    return levels > 0 if levels.max() < NUMBERS else _white(levels, name, "nobody", "the person")


def _white(levels: np.ndarray, name: str, black: str, white: str) -> np.ndarray:
    grey = ((levels >= 32) & (levels < 224)).mean()
    if grey > MOST_GREY:
        raise InputError(f"{name} is no mask: {grey:.0%} of it is neither black ({black}) nor white ({white})")
    return levels >= 128

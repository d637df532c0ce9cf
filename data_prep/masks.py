"""Masks and label maps that lie over a picture."""

from __future__ import annotations

import cv2
import numpy as np

from humangen.types import InputError


def laid_over(values: np.ndarray, shape: tuple[int, int], name: str, picture: str) -> np.ndarray:
    """`values` (H', W'), uint8, brought by the nearest to the (height, width) of the picture that they are of.

    Raises `InputError` where the aspect is another, by more than rounding.
    """
    (own_height, own_width), (height, width) = values.shape, shape
    if 2 * abs(own_height * width - own_width * height) > max(height, width):
        raise InputError(
            f"{name} is {own_width}x{own_height}, the {picture} {width}x{height}: they must match in shape"
        )
    return cv2.resize(values, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)

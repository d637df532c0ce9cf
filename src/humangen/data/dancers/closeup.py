"""Dancers from the head to the knees, as pictures of fashion show people: what try-on is about, larger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humangen.data.dancers.appearance import Dancer
from humangen.data.dancers.canvas import Part
from humangen.data.dancers.dances import Dance
from humangen.data.dancers.draw import draw, draw_region
from humangen.data.framing import View

CLOSER, ABOVE = 1.6, 0.07  # how much larger people are than in clips, and how much of that picture is above the view


@dataclass(frozen=True)
class Closeup:
    """picture (H, W, 3) uint8; keypoints (128, 3) float32 in 0..1 of it; region and worn (H, W) bool: where a top of
    this kind may be, and where this one is."""

    picture: np.ndarray
    keypoints: np.ndarray
    region: np.ndarray
    worn: np.ndarray


def draw_closeup(dancer: Dancer, dance: Dance, seconds: float, height: int, width: int) -> Closeup:
    """The dancer at a time of the dance, height x width pixels."""
    full = round(CLOSER * height), round(CLOSER * width)
    view = View((full[1] - width) // 2, round(ABOVE * full[0]), height, width, height, width, mirrored=False)
    drawing = draw(dancer, dance, seconds, *full)
    return Closeup(
        picture=view.picture(drawing.picture),
        keypoints=view.keypoints(drawing.keypoints, *full),
        region=view.mask(draw_region(dancer, dance, seconds, *full)),
        worn=view.mask(drawing.parts == Part.TOP),
    )

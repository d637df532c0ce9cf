"""Drawn dancers: people in motion from seeds, with exact keypoints, part maps and try-on regions."""

from humangen.data.dancers.appearance import Dancer, Top
from humangen.data.dancers.canvas import Part
from humangen.data.dancers.clip import DancerClip, render_clip
from humangen.data.dancers.closeup import Closeup, draw_closeup
from humangen.data.dancers.dances import DANCES, Dance
from humangen.data.dancers.draw import Drawing, draw, draw_flat_garment, draw_region

__all__ = [
    "DANCES",
    "Closeup",
    "Dance",
    "Dancer",
    "DancerClip",
    "Drawing",
    "Part",
    "Top",
    "draw",
    "draw_closeup",
    "draw_flat_garment",
    "draw_region",
    "render_clip",
]

"""A person's picture brought to the size of a model and back, and what was painted laid into it.

Pictures are uint8 (H, W, 3), regions bool (H, W), True where it is to be painted.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from humangen.media import fit_box
from humangen.pose.keypoints import PoseFile

COMPOSITES = ("none", "hard", "feather_out")
RAMP = 128  # the longer side in widths of the ramp


@dataclass(frozen=True)
class Fit:
    """How pictures of `source` (height, width) lie in one of `height` x `width`: whole, aspect kept, in the middle,
    with their border repeated around them."""

    source: tuple[int, int]
    height: int
    width: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, height and width of the picture in pixels of the model."""
        return fit_box(self.source, self.height, self.width)

    @property
    def enlarges(self) -> bool:
        return self.box[2:] > self.source

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        return self._fitted(pixels)

    def region(self, region: np.ndarray) -> np.ndarray:
        """Every pixel of which the region has a part, in what is repeated around the border too: so `picture` shows
        outside of it nothing that was inside."""
        return self._fitted(region.astype(np.float32)) > 0

    def keypoints(self, keypoints: np.ndarray) -> np.ndarray:
        """(128, 3) in units of the source -> in units of the model's picture."""
        return PoseFile(keypoints[None], size=self.source).fitted(self.height, self.width)[0]

    def back(self, pixels: np.ndarray) -> np.ndarray:
        """A picture of the model's size -> one of `source`, without what was put around it."""
        top, left, height, width = self.box
        return _resized(pixels[top : top + height, left : left + width], self.source, cv2.INTER_CUBIC)

    def _fitted(self, pixels: np.ndarray) -> np.ndarray:
        top, left, height, width = self.box
        # never cubic: its negative weights reach further than those of `region`
        resized = _resized(pixels, (height, width), cv2.INTER_LINEAR)
        bottom, right = self.height - height - top, self.width - width - left
        return cv2.copyMakeBorder(resized, top, bottom, left, right, cv2.BORDER_REPLICATE)


def _resized(pixels: np.ndarray, size: tuple[int, int], enlarging: int) -> np.ndarray:
    if pixels.shape[:2] == size:
        return pixels
    interpolation = cv2.INTER_AREA if size < pixels.shape[:2] else enlarging
    return cv2.resize(pixels, size[::-1], interpolation=interpolation)


def composite(painted: np.ndarray, person: np.ndarray, region: np.ndarray, kind: str) -> np.ndarray:
    """`painted` laid into `person`, both (H, W, 3). Inside the region it is always `painted` alone, of which

    - `none` takes all, also around the region;
    - `hard` takes the region, and every other pixel of the person as it is;
    - `feather_out` takes the region, and around it less and less, over a 128th of the longer side (2 pixels at least);
      beyond that every pixel of the person is as it was.
    """
    if kind == "none":
        return painted
    if kind == "hard":
        return np.where(region[..., None], painted, person)
    weight = outward_ramp(region, max(2, round(max(region.shape) / RAMP)))[..., None]
    blended = np.rint(weight * painted + (1 - weight) * person).astype(np.uint8)
    return np.where(weight == 0, person, blended)


def outward_ramp(region: np.ndarray, width: int) -> np.ndarray:
    """1 inside the region, falling to 0 outside, where the pixels that are more than `width` away are: float32 (H, W).
    A region of nothing is 0 all over."""
    if not region.any():
        return np.zeros(region.shape, np.float32)
    distance = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (1 - distance / (width + 1)).clip(0, 1)

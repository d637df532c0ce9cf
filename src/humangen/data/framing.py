"""One crop and one flip for everything that belongs together: frames, keypoints, masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from humangen.pose import keypoints as pose


@dataclass(frozen=True)
class View:
    """A box (pixels of the source), the size it is brought to, and whether it is mirrored."""

    left: int
    top: int
    box_height: int
    box_width: int
    height: int
    width: int
    mirrored: bool

    def picture(self, picture: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> (height, width, 3)."""
        return self._apply(picture, cv2.INTER_AREA if self.box_height >= self.height else cv2.INTER_CUBIC)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """bool (H, W) -> (height, width)."""
        return self._apply(mask.view(np.uint8), cv2.INTER_NEAREST).view(bool)

    def keypoints(self, keypoints: np.ndarray, height: int, width: int) -> np.ndarray:
        """Keypoints in units of a picture height x width -> in units of the view."""
        box = self.left / width, self.top / height, self.box_width / width, self.box_height / height
        cropped = pose.crop(keypoints, *box)
        return pose.mirror(cropped) if self.mirrored else cropped

    def _apply(self, picture: np.ndarray, interpolation: int) -> np.ndarray:
        box = picture[self.top : self.top + self.box_height, self.left : self.left + self.box_width]
        if box.shape[:2] != (self.height, self.width):
            box = cv2.resize(box, (self.width, self.height), interpolation=interpolation)
        return box[:, ::-1] if self.mirrored else box


class Framing:
    """Views of height x width with the aspect kept: the largest box that the picture holds, shrunk by a factor drawn
    from `scale`, mirrored with probability `flip`.

    The person's `box` (left, top, right, bottom in [0, 1]; None: the whole picture) lies in the middle of the view,
    as far as the picture goes; a view that is shrunk lies anywhere that holds the person. A person too large for the
    view fills it.
    """

    def __init__(self, *, height: int, width: int, scale: tuple[float, float] = (1.0, 1.0), flip: float = 0.0) -> None:
        self.height, self.width, self.scale, self.flip = height, width, scale, flip

    @property
    def scales(self) -> bool:
        """Whether the size of the view, and so its place, is drawn."""
        return tuple(self.scale) != (1.0, 1.0)

    def __call__(
        self,
        height: int,
        width: int,
        random: np.random.Generator,
        box: tuple[float, float, float, float] | None = None,
    ) -> View:
        left, top, right, bottom = box or (0.0, 0.0, 1.0, 1.0)
        largest = min(height / self.height, width / self.width)
        factor = largest * random.uniform(*self.scale)
        box_height, box_width = (
            min(height, round(self.height * factor)),
            min(width, round(self.width * factor)),
        )
        down, along = random.random(2) if self.scales else (None, None)
        place = (
            _start(left * width, right * width, box_width, width, along),
            _start(top * height, bottom * height, box_height, height, down),
        )
        mirrored = bool(random.random() < self.flip)
        return View(*place, box_height, box_width, self.height, self.width, mirrored)


def _start(first: float, last: float, length: int, size: int, place: float | None) -> int:
    """Where a stretch of `length` out of `size` pixels begins that shows what lies from `first` to `last`: with it in
    the middle (None), or at `place` in [0, 1] from the first beginning that shows it all to the last."""
    low, high = sorted((last - length, first))
    if place is None:
        return round(min(max((low + high) / 2, 0), size - length))
    low, high = max(low, 0), min(high, size - length)
    return round(low + (high - low) * place)

"""One crop and one flip for everything that belongs together: frames, keypoints, masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from humangen.pose import keypoints as pose
from humangen.types import InputError

Box = tuple[float, float, float, float]  # left, top, right, bottom in [0, 1]
# what lies around the points of a face in a picture of head and shoulders, in widths and heights of the face
BESIDE_FACE, ABOVE_FACE, BELOW_FACE = 0.7, 0.8, 0.7


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
        return self._apply(picture, self._smooth)

    def region(self, region: np.ndarray) -> np.ndarray:
        """bool (H, W) -> (height, width): every pixel of which the region has a part, so that `picture` shows outside
        of it nothing that was inside."""
        return self._apply(region.astype(np.float32), self._smooth) != 0

    @property
    def _smooth(self) -> int:
        return cv2.INTER_AREA if self.box_height >= self.height else cv2.INTER_CUBIC

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

    @property
    def excerpt(self) -> str | None:
        """What of a picture its views show, where that is not all that fits; said to people."""
        return f"views scaled by {self.scale[0]:g} to {self.scale[1]:g}: give scale 1" if self.scales else None

    def focus(self, box: Box | None, keypoints: np.ndarray) -> Box | None:
        """What to look at in frames with these keypoints (F, 128, 3), of a person who is in `box` over the clip."""
        return box

    def largest(self, height: int, width: int, box: Box) -> float:
        """Pixels of a picture height x width on a pixel of the largest view."""
        return min(height / self.height, width / self.width)

    def __call__(self, height: int, width: int, random: np.random.Generator, box: Box | None = None) -> View:
        box = box or (0.0, 0.0, 1.0, 1.0)
        left, top, right, bottom = box
        factor = self.largest(height, width, box) * random.uniform(*self.scale)
        box_height, box_width = (
            min(height, max(1, round(self.height * factor))),
            min(width, max(1, round(self.width * factor))),
        )
        down, along = random.random(2) if self.scales else (None, None)
        place = (
            _start(left * width, right * width, box_width, width, along),
            _start(top * height, bottom * height, box_height, height, down),
        )
        mirrored = bool(random.random() < self.flip)
        return View(*place, box_height, box_width, self.height, self.width, mirrored)


class FaceFraming(Framing):
    """Views of head and shoulders, as large as the face in the frames chosen asks for; `scale` and `flip` are as in
    `Framing`. Where the picture ends too early the view lies at its border."""

    @property
    def excerpt(self) -> str | None:
        return "views of the face"

    def focus(self, box: Box | None, keypoints: np.ndarray) -> Box:
        """Head and shoulders around the face in all frames that show half of its points or more; raises `InputError`
        where none does."""
        face = keypoints[:, pose.FACE]
        seen = face[..., 2] >= pose.VISIBLE
        seen &= seen.mean(1, keepdims=True) >= 0.5
        if not seen.any():
            raise InputError("none of the frames chosen shows a face")
        (left, top), (right, bottom) = face[seen, :2].min(0).tolist(), face[seen, :2].max(0).tolist()
        beside, high = BESIDE_FACE * (right - left), bottom - top
        return left - beside, top - ABOVE_FACE * high, right + beside, bottom + BELOW_FACE * high

    def largest(self, height: int, width: int, box: Box) -> float:
        left, top, right, bottom = box
        wanted = max((bottom - top) * height / self.height, (right - left) * width / self.width)
        return min(super().largest(height, width, box), wanted)


def _start(first: float, last: float, length: int, size: int, place: float | None) -> int:
    """Where a stretch of `length` out of `size` pixels begins that shows what lies from `first` to `last`: with it in
    the middle (None), or at `place` in [0, 1] from the first beginning that shows it all to the last."""
    low, high = sorted((last - length, first))
    if place is None:
        return round(min(max((low + high) / 2, 0), size - length))
    low, high = max(low, 0), min(high, size - length)
    return round(low + (high - low) * place)

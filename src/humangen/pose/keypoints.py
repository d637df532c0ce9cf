"""Keypoints of one person: float32 (..., 128, 3) holding x, y in [0, 1] image units and a confidence in [0, 1].

0-17 body (OpenPose order: nose, neck, right arm, left arm, right leg, left leg, eyes, ears), 18-38 left hand,
39-59 right hand (wrist, then four joints a finger, thumb first), 60-127 face (68 points, iBUG order).
Left and right are the person's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from humangen.media import fit_box
from humangen.types import InputError

NUM_KEYPOINTS = 128
BODY, LEFT_HAND, RIGHT_HAND, FACE = slice(0, 18), slice(18, 39), slice(39, 60), slice(60, 128)
VISIBLE = 0.3  # the confidence from which DWPose draws a point

_BODY_PAIRS = [(2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13), (14, 15), (16, 17)]
_FACE_PAIRS = [
    *((i, 16 - i) for i in range(8)),  # jaw
    *((17 + i, 26 - i) for i in range(5)),  # brows
    (31, 35),
    (32, 34),  # nostrils
    *((36 + i, j) for i, j in enumerate((45, 44, 43, 42, 47, 46))),  # eyes
    *((48 + i, 54 - i) for i in range(3)),
    *((55 + i, 59 - i) for i in range(2)),  # outer lips
    *((60 + i, 64 - i) for i in range(2)),
    (65, 67),  # inner lips
]


def _mirror_order() -> np.ndarray:
    order = np.arange(NUM_KEYPOINTS)
    for one, other in [
        *_BODY_PAIRS,
        *((18 + i, 39 + i) for i in range(21)),
        *((60 + i, 60 + j) for i, j in _FACE_PAIRS),
    ]:
        order[[one, other]] = order[[other, one]]
    return order


MIRROR = _mirror_order()


def mirror(keypoints: np.ndarray) -> np.ndarray:
    """The keypoints of the picture flipped left to right: x mirrored, left and right joints swapped."""
    flipped = keypoints[..., MIRROR, :].copy()
    flipped[..., 0] = 1 - flipped[..., 0]
    return flipped


def crop(keypoints: np.ndarray, left: float, top: float, width: float, height: float) -> np.ndarray:
    """The keypoints in the units of a box given in those of the picture; points outside get confidence 0."""
    moved = keypoints.copy()
    moved[..., 0] = (moved[..., 0] - left) / width
    moved[..., 1] = (moved[..., 1] - top) / height
    outside = (moved[..., :2] < 0) | (moved[..., :2] > 1)
    moved[outside[..., 0] | outside[..., 1], 2] = 0
    return moved


def check(keypoints: np.ndarray, name: str) -> np.ndarray:
    """`keypoints` as float32 (F, 128, 3), or an `InputError` that says what is wrong with `name`."""
    if keypoints.ndim != 3 or keypoints.shape[1:] != (NUM_KEYPOINTS, 3):
        raise InputError(f"{name} holds an array of shape {keypoints.shape}, not (frames, {NUM_KEYPOINTS}, 3)")
    if len(keypoints) == 0:
        raise InputError(f"{name} holds no frame")
    if not np.isfinite(keypoints).all():
        raise InputError(f"{name} holds keypoints that are not finite numbers")
    if not (keypoints[..., 2] >= VISIBLE).any():
        raise InputError(f"{name} holds no visible keypoint (confidence {VISIBLE} or more) in any frame")
    return keypoints.astype(np.float32)


@dataclass(frozen=True)
class PoseFile:
    """An .npz: `keypoints` (F, 128, 3), and where they are known the `fps` and the `size` (height, width) in pixels of
    what they were seen in."""

    keypoints: np.ndarray
    fps: float | None = None
    size: tuple[int, int] | None = None

    def fitted(self, height: int, width: int) -> np.ndarray:
        """The keypoints where `media.fit_picture` puts a picture of their size; as they are where that is unknown."""
        if self.size is None:
            return self.keypoints
        top, left, box_height, box_width = fit_box(self.size, height, width)
        return crop(self.keypoints, -left / box_width, -top / box_height, width / box_width, height / box_height)


def load_pose_file(path: str | Path) -> PoseFile:
    """Reads an .npz with an array `keypoints`, and perhaps `fps` and `size`; raises `InputError` on any other file."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no pose file at {path}")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "keypoints" not in arrays:
                raise InputError(f"{path} has no array 'keypoints'; it has {', '.join(arrays) or 'none'}")
            keypoints = check(arrays["keypoints"], str(path))
            fps = float(arrays["fps"]) if "fps" in arrays else None
            size = (int(arrays["size"][0]), int(arrays["size"][1])) if "size" in arrays else None
    except InputError:
        raise
    except Exception as error:  # whatever zip and numpy make of broken bytes
        raise InputError(f"{path} is not a readable .npz file: {error}") from error
    if (fps is not None and not 0 < fps < 1000) or (size is not None and min(size) < 1):
        raise InputError(f"{path} says {fps} frames per second and pictures of {size}: neither can be")
    return PoseFile(keypoints, fps, size)

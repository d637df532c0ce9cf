"""What a network was trained to see of a reference and of a driver: all of them, or the face."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from humangen.data.framing import Framing, View
from humangen.inference.poses import KeypointPoses
from humangen.media import fit_box, fit_picture
from humangen.pose.draw import PARTS
from humangen.pose.keypoints import NUM_KEYPOINTS, PoseFile
from humangen.types import InputError


@dataclass(frozen=True)
class Sight:
    """A `framing` of pictures, and which `parts` of their poses are drawn."""

    framing: Framing
    parts: Collection[str] = PARTS

    def check_drawn(self, what: str) -> None:
        """Raises `InputError` where `what` is drawn already, and so is whole and of all parts, and the network saw
        something else."""
        if self.framing.excerpt or set(self.parts) != set(PARTS):
            raise InputError(
                f"{what} is drawn already, whole and of all parts, and the checkpoint was trained on "
                f"{self.framing.excerpt or 'whole pictures'} with {', '.join(self.parts)} drawn: give keypoints"
            )


@dataclass(frozen=True)
class Focused:
    """What a network is shown of a reference: its `picture` uint8 (H, W, 3) and `keypoints` (128, 3). In `box` (top,
    left, height, width in pixels) lies what is of the reference; the rest is padding."""

    picture: np.ndarray
    keypoints: np.ndarray
    box: tuple[int, int, int, int]

    def without_padding(self, pixels: np.ndarray) -> np.ndarray:
        """The box of pictures (..., H, W, 3) like this one, with sides that are even, as video needs them."""
        top, left, height, width = self.box
        return pixels[..., top : top + _even(height), left : left + _even(width), :]


def _even(length: int) -> int:
    return length // 2 * 2 or length


def focused_reference(picture: np.ndarray, keypoints: np.ndarray | None, framing: Framing) -> Focused:
    """What `framing` looks at in a picture, uint8 (H, W, 3), in which `keypoints` (128, 3) are seen, none without them;
    the picture is fitted where it looks at all of it. Raises `InputError` where it finds nothing to look at."""
    size, height, width = picture.shape[:2], framing.height, framing.width
    seen = PoseFile(np.zeros((1, NUM_KEYPOINTS, 3), np.float32) if keypoints is None else keypoints[None], size=size)
    view = focused_view(seen.keypoints, size, framing, "the reference's pose")
    if view is None:
        box = fit_box(size, height, width)
        return Focused(fit_picture(picture, height, width), seen.fitted(height, width)[0], box)
    return Focused(view.picture(picture), view.keypoints(seen.keypoints, *size)[0], (0, 0, height, width))


def focused_driver(poses: KeypointPoses, framing: Framing) -> KeypointPoses:
    """What `framing` looks at over all frames of a driver; raises `InputError` where it finds nothing to look at."""
    view = focused_view(poses.keypoints, (poses.height, poses.width), framing, "the driver")
    return replace(poses, keypoints=view.keypoints(poses.keypoints, poses.height, poses.width)) if view else poses


def focused_view(keypoints: np.ndarray, size: tuple[int, int], framing: Framing, source: str) -> View | None:
    """The one view of frames of `size` with these keypoints (F, 128, 3), which are of `source`; None where it is all of
    them."""
    try:
        box = framing.focus(None, keypoints)
    except InputError as error:
        raise InputError(f"the network sees {framing.excerpt}, and {source} shows none: {error}") from error
    return framing(*size, np.random.default_rng(0), box) if box else None

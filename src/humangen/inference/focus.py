"""The part of a reference and of a driver that a network was trained to see: all of it, or the face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from humangen.data.framing import Framing, View
from humangen.inference.poses import KeypointPoses
from humangen.media import fit_picture
from humangen.pose.keypoints import NUM_KEYPOINTS, PoseFile
from humangen.types import InputError


def focused_reference(picture: np.ndarray, pose: PoseFile | None, framing: Framing) -> tuple[np.ndarray, np.ndarray]:
    """What `framing` looks at in a picture, uint8 (H, W, 3), and the keypoints (128, 3) of it, none without a `pose`;
    the picture is fitted where it looks at all of it. Raises `InputError` where it finds nothing to look at."""
    size = picture.shape[:2]
    pose = replace(pose or PoseFile(np.zeros((1, NUM_KEYPOINTS, 3), np.float32)), size=size)
    view = focused_view(pose.keypoints[:1], size, framing, "--reference-pose")
    if view is None:
        return fit_picture(picture, framing.height, framing.width), pose.fitted(framing.height, framing.width)[0]
    return view.picture(picture), view.keypoints(pose.keypoints[:1], *size)[0]


def focused_driver(poses: KeypointPoses, framing: Framing) -> KeypointPoses:
    """What `framing` looks at over all frames of a driver; raises `InputError` where it finds nothing to look at."""
    view = focused_view(poses.keypoints, (poses.height, poses.width), framing, "--poses")
    return replace(poses, keypoints=view.keypoints(poses.keypoints, poses.height, poses.width)) if view else poses


def focused_view(keypoints: np.ndarray, size: tuple[int, int], framing: Framing, source: str) -> View | None:
    """The one view of frames of `size` with these keypoints (F, 128, 3), which are of the option `source`; None where
    it is all of them."""
    try:
        box = framing.focus(None, keypoints)
    except InputError as error:
        raise InputError(f"the network sees {framing.excerpt}, and {source} shows none: {error}") from error
    return framing(*size, np.random.default_rng(0), box) if box else None

"""A reference and poses as callers of Python have them, brought to what a network is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from humangen.inference.focus import Sight
from humangen.inference.poses import KeypointPoses, pose_source
from humangen.inference.scene import stage
from humangen.media import fit_picture, read_picture, to_tensor, to_uint8
from humangen.pose.draw import draw_pose
from humangen.pose.files import read_person
from humangen.pose.keypoints import NUM_KEYPOINTS, check
from humangen.types import InputError

Picture = Image.Image | np.ndarray | Tensor
Drawn = Sequence[Image.Image | np.ndarray] | np.ndarray | Tensor


@dataclass(frozen=True)
class Shown:
    """The reference (1, 3, H, W) in [-1, 1], its pose drawn (1, 3, H, W) and the poses (F, 3, H, W) in [0, 1]; `cut`
    gives pictures (..., H, W, 3) painted like them without the reference's padding."""

    reference: Tensor
    reference_pose: Tensor
    poses: Tensor
    cut: Callable[[Any], Any]


def staged(
    reference: Picture | str | Path,
    poses: np.ndarray | str | Path,
    reference_pose: Picture | str | Path | None,
    sight: Sight,
    align: bool | None,
) -> Shown:
    """What `humangen animate` shows of the same: `poses` are keypoints (F, 128, 3) of a picture of the sight's size, or
    a source as --poses names it. A reference that is a tensor is rounded to 8 bits."""
    picture = to_uint8(reference) if isinstance(reference, Tensor) else opened(reference)
    height, width = sight.framing.height, sight.framing.width
    if isinstance(poses, str | Path):
        driver = pose_source(str(poses), height, width)
    else:
        driver = KeypointPoses(check(poses, "`poses`"), height, width)
    pose = seen(reference_pose, picture)
    keypoints = pose if is_keypoints(pose) else None
    scene = stage(picture, keypoints, driver, sight, align=align)
    still = unit(to_tensor(scene.reference_pose))[None]
    return Shown(
        to_tensor(scene.reference.picture)[None],
        still if keypoints is not None else _drawn_still(pose, sight),
        unit(to_tensor(scene.poses.draw(range(scene.num_frames)))),
        scene.reference.without_padding,
    )


def as_drawn(
    reference: Picture | str | Path,
    poses: Drawn,
    reference_pose: Picture | str | Path | None,
    sight: Sight,
) -> Shown:
    """The reference fitted beside `poses` that are drawn already; tensors, of the sight's size, as they are."""
    sight.check_drawn("the driver")
    picture = reference if isinstance(reference, Tensor) else opened(reference)
    pose = seen(reference_pose, picture)
    if is_keypoints(pose):
        pose = draw_pose(pose, *size(picture), sight.parts)
    height, width = sight.framing.height, sight.framing.width
    return Shown(pixels(picture, height, width), _drawn_still(pose, sight), drawn(poses), lambda painted: painted)


def seen(pose: Picture | str | Path | None, picture: np.ndarray | Tensor) -> Any:
    """The pose of a `picture`: keypoints (128, 3), drawn, or none."""
    if isinstance(pose, str | Path):
        return read_person(Path(pose), *size(picture))
    if is_keypoints(pose):
        return check(pose.reshape(-1, NUM_KEYPOINTS, 3), "`reference_pose`").reshape(NUM_KEYPOINTS, 3)
    return pose


def _drawn_still(pose: Picture | None, sight: Sight) -> Tensor:
    """A reference's pose that is drawn already, or none, (1, 3, H, W) in [0, 1]."""
    height, width = sight.framing.height, sight.framing.width
    if pose is None:
        return torch.zeros(1, 3, height, width)
    sight.check_drawn("the reference's pose")
    still = pixels(pose, height, width)
    return still if isinstance(pose, Tensor) else unit(still)


def opened(picture: Image.Image | np.ndarray | str | Path) -> np.ndarray:
    """uint8 (H, W, 3)."""
    return read_picture(picture) if isinstance(picture, str | Path) else array(picture)


def drawn(poses: Drawn) -> Tensor:
    """Poses that are drawn already (F, 3, H, W) in [0, 1]."""
    if isinstance(poses, Tensor):
        if poses.ndim != 4 or poses.shape[1] != 3:
            raise InputError(f"`poses` are a tensor {tuple(poses.shape)}: give (F, 3, H, W) in [0, 1], or keypoints as "
                             "an array (F, 128, 3)")  # fmt: skip
        return poses
    return unit(to_tensor(np.stack([array(each) for each in poses])))


def is_keypoints(given: object) -> TypeGuard[np.ndarray]:
    """Whether it is an array of keypoints, (..., 128, 3) of float."""
    if not isinstance(given, np.ndarray):
        return False
    return given.shape[-2:] == (NUM_KEYPOINTS, 3) and np.issubdtype(given.dtype, np.floating)


def array(picture: Image.Image | np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3)."""
    found = np.asarray(picture.convert("RGB")) if isinstance(picture, Image.Image) else picture
    if not isinstance(found, np.ndarray) or found.dtype != np.uint8 or found.ndim != 3 or found.shape[-1] != 3:
        what = f"an array of {found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
        raise InputError(f"a picture is {what}: give uint8 (H, W, 3), a PIL picture, a file, or a tensor")
    return found


def size(reference: Picture) -> tuple[int, int]:
    """Height and width of a reference."""
    height, width = reference.shape[-2:] if isinstance(reference, Tensor) else array(reference).shape[:2]
    return height, width


def pixels(picture: Picture, height: int, width: int) -> Tensor:
    """One picture (1, 3, height, width) in [-1, 1]."""
    if isinstance(picture, Tensor):
        if picture.shape[-3:] != (3, height, width) or picture.numel() != 3 * height * width:
            raise InputError(f"a picture is a tensor {tuple(picture.shape)}, and the poses are {height}x{width}: give "
                             "a tensor of their size, or a picture, which is fitted")  # fmt: skip
        return picture.reshape(1, 3, height, width)
    return to_tensor(fit_picture(array(picture), height, width))[None]


def unit(values: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1]."""
    return (values + 1) / 2

"""What a video is to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from humangen.inference.focus import Focused, Sight, focused_driver, focused_reference
from humangen.inference.poses import KeypointPoses, Poses
from humangen.media import contact_sheet
from humangen.pose import align as alignment
from humangen.pose.draw import draw_pose
from humangen.types import InputError


@dataclass(frozen=True)
class Scene:
    """A reference, its pose drawn (H, W, 3), and the first `num_frames` of the `poses` to paint it in; `driver` are the
    same before they were brought to the reference's proportions."""

    reference: Focused
    reference_pose: np.ndarray
    poses: Poses
    driver: Poses
    num_frames: int

    def sheet(self, painted: Sequence[np.ndarray], frames: Sequence[int]) -> np.ndarray:
        """The reference beside what was `painted` of some `frames`, above the poses and, where it is another, the
        driver; all without padding, as `painted` is."""
        cut = self.reference.without_padding
        rows = [[cut(self.reference.picture), *painted], [cut(self.reference_pose), *cut(drawn(self.poses, frames))]]
        if self.poses is not self.driver:
            rows.append([cut(np.full_like(self.reference_pose, 255)), *cut(drawn(self.driver, frames))])
        return contact_sheet(rows)


def stage(
    picture: np.ndarray,
    keypoints: np.ndarray | None,
    driver: Poses,
    sight: Sight,
    *,
    align: bool | None = None,
    num_frames: int | None = None,
) -> Scene:
    """What a network with this `sight` is shown of a reference picture, uint8 (H, W, 3), in which `keypoints` (128, 3)
    are seen, and of at most `num_frames` of a driver in views of the sight's size. The driver takes the reference's
    proportions and place if `align`; by default where the keypoints of both are known.

    Raises `InputError` where there is nothing to look at or to align by.
    """
    framing = sight.framing
    reference = focused_reference(picture, keypoints, framing)
    if isinstance(driver, KeypointPoses):
        driver = replace(focused_driver(driver, framing), parts=sight.parts)
    else:
        sight.check_drawn("the driver")
    return Scene(
        reference=reference,
        reference_pose=draw_pose(reference.keypoints, framing.height, framing.width, sight.parts),
        poses=aligned(driver, None if keypoints is None else reference.keypoints, align),
        driver=driver,
        num_frames=min(driver.num_frames, num_frames or driver.num_frames),
    )


def aligned(driver: Poses, reference: np.ndarray | None, wanted: bool | None) -> Poses:
    """The driver in the proportions of the keypoints of a reference, where that is wanted and can be."""
    if isinstance(driver, KeypointPoses) and reference is not None and wanted is not False:
        aspect = driver.width / driver.height
        moved = alignment.align(driver.keypoints, reference, driver_aspect=aspect, reference_aspect=aspect)
        return replace(driver, keypoints=moved)
    if wanted:
        raise InputError("to align, give keypoints of both: the reference's pose, and a driver that is no video")
    return driver


def drawn(poses: Poses, frames: Sequence[int]) -> np.ndarray:
    """uint8 (f, H, W, 3)."""
    return np.concatenate([poses.draw(range(frame, frame + 1)) for frame in frames])

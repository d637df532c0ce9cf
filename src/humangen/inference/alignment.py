"""A picture of what aligning a driver with a reference does."""

from __future__ import annotations

import numpy as np

from humangen.media import contact_sheet, fit_picture
from humangen.pose.align import align
from humangen.pose.draw import draw_pose, draw_poses


def alignment_sheet(
    picture: np.ndarray,
    reference: np.ndarray,
    driver: np.ndarray,
    *,
    driver_aspect: float,
    height: int = 256,
    columns: int = 6,
) -> np.ndarray:
    """Above, the reference's `picture` (uint8 (H, W, 3)) and up to `columns` poses of the driver as they are, brought
    into a cell; below, the picture with the pose of the `reference` (128, 3) and the same poses aligned with it.

    `driver` is keypoints (F, 128, 3) of a picture that is `driver_aspect` times as wide as high; a rendered pose video
    has none. Cells have the reference's aspect and are `height` high. Raises `InputError` as `align` does.
    """
    aspect = picture.shape[1] / picture.shape[0]
    width = round(height * aspect)
    aligned = align(driver, reference, driver_aspect=driver_aspect, reference_aspect=aspect)
    shown = np.linspace(0, len(driver) - 1, min(columns, len(driver))).round().astype(int)
    cell = fit_picture(picture, height, width)
    pose = draw_pose(reference, height, width)
    before = [
        fit_picture(each, height, width) for each in draw_poses(driver[shown], height, round(height * driver_aspect))
    ]
    return contact_sheet([[cell, *before], [np.maximum(cell // 2, pose), *draw_poses(aligned[shown], height, width)]])

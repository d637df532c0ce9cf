"""The sheet that shows an alignment, for a drawn dancer and a real person."""

from __future__ import annotations

import numpy as np
import pytest

from data_prep.poses.base import estimator
from humangen.data.dancers import render_clip
from humangen.inference.alignment import alignment_sheet
from humangen.media import open_video, read_picture
from humangen.pose.align import ANKLES, align
from humangen.pose.draw import draw_pose
from tests.unit.tiny import REAL


def test_a_sheet_shows_the_poses_as_they_are_and_aligned() -> None:
    still, clip = render_clip(5, 9, 1, 8.0, 96, 72), render_clip(6, 2, 10, 8.0, 64, 64)
    picture, reference = still.frames[0], still.keypoints[0]
    sheet = alignment_sheet(picture, reference, clip.keypoints, driver_aspect=1.0, height=96, columns=4)
    assert sheet.shape == (2 * 96 + 3 * 4, 5 * 72 + 6 * 4, 3)
    cells = sheet[4:, 4:].reshape(2, 100, 5, 76, 3)[:, :96, :, :72].transpose(0, 2, 1, 3, 4)
    np.testing.assert_array_equal(cells[0, 0], picture)
    aligned = align(clip.keypoints, reference, driver_aspect=1.0, reference_aspect=0.75)
    for column, frame in ((1, 0), (4, 9)):
        np.testing.assert_array_equal(cells[1, column], draw_pose(aligned[frame], 96, 72))
        assert 0 < (cells[0, column] > 0).sum() < (cells[1, column] > 0).sum(), "the driver's figure is smaller"


@pytest.mark.skipif(not REAL.is_dir(), reason="no real pictures here")
def test_a_real_driver_stands_on_a_real_references_feet_in_its_size() -> None:
    mediapipe = estimator("mediapipe")

    def keypoints(picture: np.ndarray) -> np.ndarray:
        return mediapipe.keypoints(picture, mediapipe.people(picture)[0])

    picture = read_picture(REAL / "references/anyone-3.png")
    frames = open_video(REAL / "ubcfashion/test/ubc.mp4").frames(range(0, 121, 30))
    reference, driver = keypoints(picture), np.stack([keypoints(frame) for frame in frames])
    driver[..., :2] *= 0.5
    aspects = frames.shape[2] / frames.shape[1], picture.shape[1] / picture.shape[0]
    aligned = align(driver, reference, driver_aspect=aspects[0], reference_aspect=aspects[1])
    assert aligned[0, list(ANKLES), 1].max() == pytest.approx(reference[list(ANKLES), 1].max(), abs=1e-5)
    heights = [pose[ANKLES[0], 1] - pose[0, 1] for pose in (driver[0], aligned[0], reference)]
    assert heights[1] == pytest.approx(heights[2], rel=0.06)
    assert abs(heights[0] - heights[2]) > 0.1
    assert alignment_sheet(picture, reference, driver, driver_aspect=aspects[0]).max() == 255

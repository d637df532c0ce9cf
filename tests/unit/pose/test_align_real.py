"""A real driver aligned with a real person."""

from __future__ import annotations

import numpy as np
import pytest

from humangen.media import open_video, read_picture
from humangen.pose.align import ANKLES, align
from humangen.pose.estimators import estimator
from tests.unit.tiny import REAL


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

"""Our drawing beside published DWPose renderings: the same colours, in RGB, and the same strokes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from humangen.media import open_video
from humangen.pose.draw import COLOURS, LIMBS, draw_pose
from tests.unit.tiny import REAL

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="no published renderings here")
JOINTS = [1, 2, 3, 5, 6, 8, 9, 10, 13]  # whose colours nothing else in the rendering has
SHOWN = [number for number, ends in enumerate(LIMBS) if set(ends) <= set(JOINTS)]


@pytest.fixture(scope="module", params=[1, 2])
def published(request: pytest.FixtureRequest) -> np.ndarray:
    return open_video(REAL / f"pose_videos/anyone-video-{request.param}_kps.mp4").frames([0])[0]


def blobs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left, top, width, height, area (N, 5) and centres (N, 2) of what hangs together in a mask, largest first."""
    _, _, statistics, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    order = 1 + statistics[1:, cv2.CC_STAT_AREA].argsort()[::-1]
    return statistics[order], centres[order]


def find_joints(picture: np.ndarray) -> np.ndarray:
    """Keypoints (128, 3) of those joints whose dots can be told by their colour."""
    height, width = picture.shape[:2]
    keypoints = np.zeros((128, 3), np.float32)
    for joint in JOINTS:
        sizes, centres = blobs(np.abs(picture.astype(int) - COLOURS[joint]).max(-1) < 40)
        assert 20 <= sizes[0, 4] <= 60, f"no dot in the colour of joint {joint}"
        keypoints[joint] = (*centres[0] / [width, height], 1)
    return keypoints


def across(picture: np.ndarray, keypoints: np.ndarray, limb: int) -> np.ndarray:
    """Colours (33, 3) on a line of 16 pixels across the middle of a limb."""
    start, end = (keypoints[joint, :2] * picture.shape[1::-1] for joint in LIMBS[limb])
    normal = np.array([start[1] - end[1], end[0] - start[0]]) / np.linalg.norm(end - start)
    columns, rows = np.rint((start + end) / 2 + np.linspace(-8, 8, 33)[:, None] * normal).astype(int).T
    return picture[rows, columns].astype(int)


def test_limbs_have_our_colours_and_widths(published: np.ndarray) -> None:
    keypoints = find_joints(published)
    ours = draw_pose(keypoints, *published.shape[:2])
    assert len(SHOWN) == 7
    for limb in SHOWN:
        theirs, drawn = across(published, keypoints, limb), across(ours, keypoints, limb)
        assert np.abs(theirs[14:19] - drawn[14:19]).max() < 20, f"limb {limb} is {theirs[16]}, not {drawn[16]}"
        widths = [(line.max(-1) > 75).sum() / 2 for line in (theirs, drawn)]
        assert widths[0] == pytest.approx(widths[1], abs=1), f"limb {limb}"


def test_the_other_order_of_channels_would_be_noticed(published: np.ndarray) -> None:
    keypoints = find_joints(published)
    ours = draw_pose(keypoints, *published.shape[:2])
    for limb in SHOWN:
        swapped = across(published[..., ::-1], keypoints, limb)
        other = np.abs(swapped - across(ours, keypoints, limb))[16].max()
        assert other > 40 or COLOURS[limb] == COLOURS[limb][::-1], f"limb {limb}"


@pytest.mark.parametrize(("colour", "point", "areas"), [((255, 255, 255), 60, (25, 45)), ((0, 0, 255), 18, (35, 70))])
def test_dots_have_our_colours_and_sizes(colour: tuple[int, ...], point: int, areas: tuple[int, int]) -> None:
    """Of the face and of a hand, where one dot stands alone."""
    frames = open_video(REAL / "pose_videos/anyone-video-2_kps.mp4").frames(range(0, 130, 20))
    keypoints = np.zeros((128, 3), np.float32)
    keypoints[point] = (0.5, 0.5, 1)

    def size(picture: np.ndarray) -> np.ndarray:
        found, _ = blobs((np.abs(picture.astype(int) - colour) < 100).all(-1))
        return np.median(found[(found[:, 4] >= areas[0]) & (found[:, 4] <= areas[1]), 2:4], axis=0)

    np.testing.assert_allclose(size(draw_pose(keypoints, 512, 512)), size(np.concatenate(frames)), atol=1)

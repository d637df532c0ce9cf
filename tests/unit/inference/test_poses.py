"""Poses are drawn when it is their turn, where the picture they belong to would lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from humangen.inference.poses import KEYPOINT_FPS, dance, pose_source
from humangen.media import fit_picture, write_video
from humangen.pose.draw import draw_poses
from humangen.types import InputError


def test_keypoints_are_drawn_by_range_and_in_parts(tmp_path: Path) -> None:
    keypoints = dance("7", 64, 64, 6)
    np.savez(tmp_path / "pose.npz", keypoints=keypoints)
    poses = pose_source(str(tmp_path / "pose.npz"), 64, 64)
    assert (poses.num_frames, poses.fps) == (6, KEYPOINT_FPS)
    np.testing.assert_array_equal(poses.draw(range(2, 5)), draw_poses(keypoints[2:5], 64, 64))
    np.savez(tmp_path / "timed.npz", keypoints=keypoints, fps=25.0, size=(64, 64))
    assert pose_source(str(tmp_path / "timed.npz"), 64, 64).fps == 25


def test_keypoints_of_a_tall_picture_are_not_squashed(tmp_path: Path) -> None:
    keypoints = dance("7", 96, 48, 2)
    np.savez(tmp_path / "pose.npz", keypoints=keypoints, size=(96, 48))
    (drawn,) = pose_source(str(tmp_path / "pose.npz"), 96, 96).draw(range(1))
    narrow = draw_poses(keypoints[:1], 96, 48)[0]
    assert not drawn[:, :20].any()
    assert not drawn[:, 76:].any()
    rows, narrow_rows = (np.flatnonzero(picture.any((1, 2))) for picture in (drawn, narrow))
    assert np.abs(rows[[0, -1]] - narrow_rows[[0, -1]]).max() <= 3
    columns, narrow_columns = (np.flatnonzero(picture.any((0, 2))) for picture in (drawn, narrow))
    assert np.abs(columns[[0, -1]] - 24 - narrow_columns[[0, -1]]).max() <= 3


def test_a_pose_video_is_read_where_it_is_drawn(tmp_path: Path) -> None:
    frames = draw_poses(dance("3", 64, 48, 9), 64, 48)
    write_video(tmp_path / "poses.mp4", frames, 12.0)
    poses = pose_source(str(tmp_path / "poses.mp4"), 64, 64)
    assert (poses.num_frames, poses.fps) == (9, 12)
    later = poses.draw(range(6, 8))
    assert later.shape == (2, 64, 64, 3)
    expected = np.stack([fit_picture(frame, 64, 64) for frame in frames[6:8]])
    assert np.abs(later.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("source", ["dancer:", "dancer:x", "poses.txt", "nowhere.npz", "nowhere.mp4"])
def test_what_is_no_source_is_named(source: str) -> None:
    with pytest.raises(InputError):
        pose_source(source, 64, 64)

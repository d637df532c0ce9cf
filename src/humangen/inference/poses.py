"""Poses to animate with, from where people have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from humangen.data.dancers import render_clip
from humangen.media import VIDEO_SUFFIXES, fit_picture, open_video
from humangen.pose.draw import draw_poses
from humangen.pose.keypoints import load_keypoints
from humangen.types import InputError

KEYPOINT_FPS = 8.0


def pose_source(source: str, height: int, width: int, *, num_frames: int = 16) -> tuple[np.ndarray, float]:
    """Drawn poses, uint8 (F, height, width, 3), and their frames per second, from a rendered pose video, an .npz
    of keypoints, or `dancer:SEED` (`num_frames` of a drawn dance)."""
    if source.startswith("dancer:"):
        return dancer_poses(source.removeprefix("dancer:"), height, width, num_frames), KEYPOINT_FPS
    path = Path(source)
    if path.suffix == ".npz":
        return draw_poses(load_keypoints(path), height, width), KEYPOINT_FPS
    if path.suffix.lower() in VIDEO_SUFFIXES:
        reader = open_video(path)
        frames = reader.frames(range(len(reader)))
        return np.stack([fit_picture(frame, height, width) for frame in frames]), reader.fps
    raise InputError(
        f"{source} is no pose source: give a pose video ({', '.join(sorted(VIDEO_SUFFIXES))}), "
        "an .npz of keypoints, or dancer:SEED"
    )


def dancer_poses(seed: str, height: int, width: int, num_frames: int) -> np.ndarray:
    if not seed.isdecimal():
        raise InputError(f"dancer:{seed} needs a number, for example dancer:7")
    clip = render_clip(int(seed), int(seed), num_frames, KEYPOINT_FPS, height, width)
    return draw_poses(clip.keypoints, height, width)

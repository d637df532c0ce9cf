"""Poses to animate with, from where people have them, drawn when it is their turn."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from humangen.data.dancers import render_clip
from humangen.media import VIDEO_SUFFIXES, VideoReader, fit_picture, open_video
from humangen.pose.draw import PARTS, draw_poses
from humangen.pose.keypoints import load_pose_file
from humangen.types import InputError

KEYPOINT_FPS = 8.0


class Poses(Protocol):
    """Drawn poses by frame number."""

    @property
    def num_frames(self) -> int: ...

    @property
    def fps(self) -> float: ...

    def draw(self, frames: range) -> np.ndarray:
        """uint8 (f, H, W, 3)."""
        ...


@dataclass(frozen=True)
class KeypointPoses:
    """`keypoints` (F, 128, 3) in units of a picture of `height` x `width`, and which `parts` of them are drawn."""

    keypoints: np.ndarray
    height: int
    width: int
    fps: float = KEYPOINT_FPS
    parts: Collection[str] = PARTS

    @property
    def num_frames(self) -> int:
        return len(self.keypoints)

    def draw(self, frames: range) -> np.ndarray:
        return draw_poses(self.keypoints[frames.start : frames.stop], self.height, self.width, self.parts)


@dataclass(frozen=True)
class PoseVideo:
    """A video of drawn poses, each frame fitted into `height` x `width`."""

    video: VideoReader
    height: int
    width: int

    @property
    def num_frames(self) -> int:
        return len(self.video)

    @property
    def fps(self) -> float:
        return self.video.fps

    def draw(self, frames: range) -> np.ndarray:
        return np.stack([fit_picture(frame, self.height, self.width) for frame in self.video.frames(frames)])


def pose_source(source: str, height: int, width: int, *, num_frames: int = 16) -> KeypointPoses | PoseVideo:
    """The poses of a rendered pose video, of an .npz of keypoints, or of `dancer:SEED` (`num_frames` of a dance)."""
    path = Path(source)
    if source.startswith("dancer:"):
        return KeypointPoses(dance(source.removeprefix("dancer:"), height, width, num_frames), height, width)
    if path.suffix == ".npz":
        file = load_pose_file(path)
        return KeypointPoses(file.fitted(height, width), height, width, file.fps or KEYPOINT_FPS)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return PoseVideo(open_video(path), height, width)
    raise InputError(
        f"{source} is no pose source: give a pose video ({', '.join(sorted(VIDEO_SUFFIXES))}), "
        "an .npz of keypoints, or dancer:SEED"
    )


def dance(seed: str, height: int, width: int, num_frames: int) -> np.ndarray:
    """The keypoints of the dancer and the dance of a seed."""
    if not seed.isdecimal():
        raise InputError(f"dancer:{seed} needs a number, for example dancer:7")
    return render_clip(int(seed), int(seed), num_frames, KEYPOINT_FPS, height, width).keypoints

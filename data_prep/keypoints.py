"""`python -m data_prep pose`: the keypoints of a picture or a video, to animate with."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import track

from data_prep.frames import VideoFrames
from data_prep.people import follow
from humangen.data.arrays import pack_arrays
from humangen.media import PICTURE_SUFFIXES, read_picture, replacing
from humangen.pose.estimators import ESTIMATORS, PoseEstimator, estimator
from humangen.pose.keypoints import NUM_KEYPOINTS, VISIBLE
from humangen.types import InputError


def add_pose(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser(
        "pose",
        help="keypoints of a picture or a video, for humangen animate",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    one.add_argument("--input", type=Path, required=True, help="picture or video of one person")
    one.add_argument("--output", type=Path, required=True, help=".npz to write: keypoints, fps and size")
    one.add_argument("--pose", choices=ESTIMATORS, default="mediapipe", help="the estimator")
    one.add_argument("--models", type=Path, help="folder of the estimator's model files")
    one.set_defaults(run=run_pose)


def run_pose(options: argparse.Namespace) -> None:
    if options.output.suffix != ".npz":
        raise InputError(f"--output {options.output} must end in .npz")
    if not options.input.is_file():
        raise InputError(f"no picture or video at {options.input}")
    if options.input.suffix.lower() in PICTURE_SUFFIXES:
        picture = read_picture(options.input)
        count, about, read = 1, {"size": np.array(picture.shape[:2])}, lambda: iter([picture])
    else:
        frames = VideoFrames(options.input)
        probe = frames.probe()
        count, about = probe.num_frames, {"size": np.array([probe.height, probe.width]), "fps": np.array(probe.fps)}
        read = partial(frames.read, 0, count, probe.fps)
    keypoints = person_keypoints(read, count, estimator(options.pose, options.models))
    unseen = int((keypoints[..., 2] < VISIBLE).all(1).sum())
    if unseen == len(keypoints):
        raise InputError(f"{options.pose} finds nobody in {options.input}")
    with replacing(options.output) as temporary:
        temporary.write_bytes(pack_arrays(keypoints=keypoints, **about))
    print(f"{options.output}: {len(keypoints)} frames" + (f", nobody is seen in {unseen} of them" if unseen else ""))


def person_keypoints(read: Callable[[], Iterator[np.ndarray]], count: int, finder: PoseEstimator) -> np.ndarray:
    """Of the person (F, 128, 3) who is followed through the `count` pictures (H, W, 3) that each `read` gives anew; 0
    where she is not seen."""
    boxes, _ = follow([finder.people(picture) for picture in track(read(), "   person", total=count)])
    keypoints = np.zeros((len(boxes), NUM_KEYPOINTS, 3), np.float32)
    for number, picture in enumerate(track(read(), "     pose", total=count)):
        if not np.isnan(boxes[number]).any():
            keypoints[number] = finder.keypoints(picture, boxes[number])
    return keypoints

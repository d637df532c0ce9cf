"""What is asked for with --reference, --reference-pose, --poses and --align."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from humangen.checkpoint import load, load_framing
from humangen.cli.options import size_of
from humangen.data.framing import Framing
from humangen.inference.focus import Focused, focused_driver, focused_reference
from humangen.inference.poses import KeypointPoses, PoseVideo, pose_source
from humangen.inference.scene import Scene
from humangen.media import read_picture
from humangen.pose.align import align
from humangen.pose.draw import PARTS, draw_pose
from humangen.pose.files import read_person
from humangen.types import InputError


def scene_of(options: argparse.Namespace) -> Scene:
    height, width = size_of(options)
    parts = load(options.checkpoint).config.get("parts") or PARTS
    framing = load_framing(options.checkpoint, height, width)
    reference = reference_of(options, framing)
    driver = pose_source(options.poses, height, width)
    if isinstance(driver, KeypointPoses):
        driver = replace(focused_driver(driver, framing), parts=parts)
    elif framing.excerpt or set(parts) != set(PARTS):
        raise InputError(
            f"{options.poses} is drawn already, whole and of all parts, and {options.checkpoint} was trained on "
            f"{framing.excerpt or 'whole pictures'} with {', '.join(parts)} drawn: give keypoints in --poses"
        )
    return Scene(
        reference=reference,
        reference_pose=draw_pose(reference.keypoints, height, width, parts),
        poses=aligned(options, driver, reference.keypoints),
        driver=driver,
        num_frames=min(driver.num_frames, options.frames or driver.num_frames),
    )


def reference_of(options: argparse.Namespace, framing: Framing) -> Focused:
    picture = read_picture(options.reference)
    pose = options.reference_pose
    return focused_reference(picture, read_person(pose, *picture.shape[:2]) if pose else None, framing)


def aligned(
    options: argparse.Namespace, poses: KeypointPoses | PoseVideo, reference: np.ndarray
) -> KeypointPoses | PoseVideo:
    """The poses in the reference's proportions, unless that is not wanted or cannot be."""
    if isinstance(poses, KeypointPoses) and options.reference_pose and options.align is not False:
        aspect = poses.width / poses.height
        return replace(
            poses, keypoints=align(poses.keypoints, reference, driver_aspect=aspect, reference_aspect=aspect)
        )
    if options.align:
        raise InputError("--align needs keypoints of both: --reference-pose FILE.npz, and --poses that are no video")
    return poses

"""What is asked for with --reference, --reference-pose, --poses and --align."""

from __future__ import annotations

import argparse

from humangen.checkpoint import load_sight
from humangen.cli.options import size_of
from humangen.inference.poses import pose_source
from humangen.inference.scene import Scene, stage
from humangen.media import read_picture
from humangen.pose.files import read_person


def scene_of(options: argparse.Namespace) -> Scene:
    height, width = size_of(options)
    picture, pose = read_picture(options.reference), options.reference_pose
    return stage(
        picture,
        read_person(pose, *picture.shape[:2]) if pose else None,
        pose_source(options.poses, height, width),
        load_sight(options.checkpoint, height, width),
        align=options.align,
        num_frames=options.frames,
    )

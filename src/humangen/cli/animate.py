"""Paints the person of a reference picture in the poses of a source, as an mp4 and a contact sheet."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from humangen.checkpoint import find, load_pipeline, load_sampler
from humangen.cli.errors import positive
from humangen.inference.animate import animate
from humangen.inference.poses import pose_source
from humangen.media import (
    contact_sheet,
    fit_box,
    fit_picture,
    read_picture,
    to_tensor,
    to_uint8,
    write_picture,
    write_video,
)
from humangen.pose.draw import draw_pose
from humangen.pose.keypoints import NUM_KEYPOINTS, crop, load_keypoints
from humangen.types import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", default="shipped", help="run, checkpoint or weights folder")
    parser.add_argument("--reference", type=Path, required=True, help="picture of the person")
    parser.add_argument("--reference-pose", type=Path, help="keypoints .npz of the reference (default: none)")
    parser.add_argument("--poses", required=True, help="pose video, keypoints .npz, or dancer:SEED")
    parser.add_argument("--output", type=Path, required=True, help="mp4 to write; a .png sheet goes beside it")
    parser.add_argument("--size", type=int, nargs=2, default=(128, 128), metavar=("HEIGHT", "WIDTH"), help="pixels")
    parser.add_argument("--frames", type=positive(int), help="paint at most this many frames")
    parser.add_argument("--fps", type=positive(float), help="frames per second of the output (default: the source's)")
    parser.add_argument("--steps", type=positive(int), help="sampling steps (default: as the checkpoint says)")
    parser.add_argument("--solver", help="ddim, dpm, or euler for flow models (default: as the checkpoint says)")
    parser.add_argument("--window", type=positive(int), default=8, help="frames painted at once; long clips overlap")
    parser.add_argument("--guidance", type=float, default=1.0, help="1 is none")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="torch device")


def run(options: argparse.Namespace) -> None:
    if options.output.suffix != ".mp4":
        raise InputError(f"--output {options.output} must end in .mp4")
    height, width = options.size
    picture = read_picture(options.reference)
    reference = fit_picture(picture, height, width)
    poses, fps = pose_source(options.poses, height, width)
    poses, fps = poses[: options.frames], options.fps or fps
    began = time.perf_counter()
    frames = paint(options, reference, reference_pose(options.reference_pose, picture.shape[:2], height, width), poses)
    write_video(options.output, frames, fps)
    sheet = options.output.with_suffix(".png")
    shown = np.linspace(0, len(frames) - 1, min(8, len(frames))).round().astype(int)
    blank = np.full_like(reference, 255)
    write_picture(sheet, contact_sheet([[reference, *frames[shown]], [blank, *poses[shown]]]))
    seconds = time.perf_counter() - began
    print(f"{options.output} ({len(frames)} frames, {seconds:.1f} s with {find(options.checkpoint)}), {sheet}")


def reference_pose(path: Path | None, source: tuple[int, int], height: int, width: int) -> np.ndarray:
    """The drawn pose of a reference of `source` (height, width) where `fit_picture` has put it; black without one."""
    keypoints = np.zeros((NUM_KEYPOINTS, 3), np.float32)
    if path:
        top, left, box_height, box_width = fit_box(source, height, width)
        box = -left / box_width, -top / box_height, width / box_width, height / box_height
        keypoints = crop(load_keypoints(path)[0], *box)
    return draw_pose(keypoints, height, width)


def paint(
    options: argparse.Namespace, reference: np.ndarray, reference_pose: np.ndarray, poses: np.ndarray
) -> np.ndarray:
    """Frames (F, H, W, 3) uint8 from a picture, its pose and poses (F, H, W, 3)."""
    pipeline = load_pipeline(options.checkpoint).to(options.device)
    pose = (to_tensor(poses)[None] + 1) / 2
    with torch.inference_mode():
        read = pipeline.encode_reference(
            to_tensor(reference)[None].to(options.device),
            ((to_tensor(reference_pose)[None] + 1) / 2).to(options.device),
        )
        condition = pipeline.condition(read, pose.to(options.device))
    painted = animate(
        pipeline,
        read,
        condition,
        keys=[str(options.reference.name)],
        sampler=load_sampler(options.checkpoint, solver=options.solver, num_steps=options.steps),
        guidance=options.guidance,
        seed=options.seed,
        window=options.window,
        overlap=options.window // 4,
    )
    return to_uint8(painted[0])

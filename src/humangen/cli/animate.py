"""Paints the person of a reference picture in the poses of a source, as an mp4 and a contact sheet."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress

from humangen.checkpoint import find, load, load_framing, load_pipeline, load_sampler
from humangen.cli.errors import positive
from humangen.diffusion.sample import Sampler
from humangen.inference.animate import Drive, stream
from humangen.inference.focus import focused_driver, focused_reference
from humangen.inference.poses import KeypointPoses, PoseVideo, pose_source
from humangen.inference.ranks import Ranks, join_ranks
from humangen.media import (
    contact_sheet,
    read_picture,
    to_tensor,
    to_uint8,
    write_picture,
    write_video,
)
from humangen.models.pipeline import Pipeline
from humangen.models.speed import (
    PRECISION_HELP,
    PRECISIONS,
    compile_blocks,
    compute_in,
    fuse_projections,
    precision_on,
)
from humangen.models.tryon import TryOnPipeline
from humangen.models.vae import PreviewCodec
from humangen.pose.align import align
from humangen.pose.draw import PARTS, draw_pose
from humangen.pose.keypoints import load_pose_file
from humangen.types import InputError

SHOWN = 8  # frames on the sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", "--pretrained", default="shipped", help="run, checkpoint, weights folder or exported folder"
    )
    parser.add_argument("--reference", type=Path, required=True, help="picture of the person")
    parser.add_argument("--reference-pose", type=Path, help="keypoints .npz of the reference (default: none)")
    parser.add_argument("--poses", required=True, help="pose video, keypoints .npz, or dancer:SEED")
    parser.add_argument(
        "--align",
        action=argparse.BooleanOptionalAction,
        help="give the poses the reference's proportions and place (default: where both are keypoints)",
    )
    parser.add_argument("--output", type=Path, required=True, help="mp4 to write; a .png sheet goes beside it")
    parser.add_argument(
        "--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="pixels (default: as the checkpoint was trained)"
    )
    parser.add_argument("--frames", type=positive(int), help="paint at most this many frames")
    parser.add_argument("--fps", type=positive(float), help="frames per second of the output (default: the source's)")
    parser.add_argument("--steps", type=positive(int), help="sampling steps (default: as the checkpoint says)")
    parser.add_argument("--solver", help="ddim, dpm, lcm, or euler for flow models (default: as the checkpoint says)")
    parser.add_argument(
        "--window", type=positive(int), help="frames painted at once; long clips overlap (default: as it was trained)"
    )
    parser.add_argument("--start", choices=("noise", "reference"), help="what sampling begins from")
    parser.add_argument("--preview", help="folder of a tiny autoencoder (TAESD) that decodes fast and roughly")
    parser.add_argument("--guidance", type=float, default=1.0, help="1 is none")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise")
    parser.add_argument(
        "--compile", action="store_true", help="fuse and compile the network: a minute or more to start, faster frames"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="torch device")
    parser.add_argument("--precision", choices=PRECISIONS, help=PRECISION_HELP)


def run(options: argparse.Namespace) -> None:
    if options.output.suffix != ".mp4":
        raise InputError(f"--output {options.output} must end in .mp4")
    trained = load(options.checkpoint).config
    height, width = options.size or (trained.get("height", 128), trained.get("width", 128))
    framing = load_framing(options.checkpoint, height, width)
    pose = load_pose_file(options.reference_pose) if options.reference_pose else None
    reference, keypoints = focused_reference(read_picture(options.reference), pose, framing)
    parts = trained.get("parts") or PARTS
    driver = pose_source(options.poses, height, width)
    if isinstance(driver, KeypointPoses):
        driver = replace(focused_driver(driver, framing), parts=parts)
    poses = aligned(options, driver, keypoints)
    reference_pose = draw_pose(keypoints, height, width, parts)
    num_frames = min(poses.num_frames, options.frames or poses.num_frames)
    began = time.perf_counter()
    ranks = join_ranks(options.device)
    painted = paint(options, reference, reference_pose, poses, num_frames, ranks)
    if ranks.index > 0:  # the first one writes; the others only paint
        for _ in painted:
            pass
        return
    shown = np.linspace(0, num_frames - 1, min(SHOWN, num_frames)).round().astype(int).tolist()
    kept: list[np.ndarray] = []

    def passing() -> Iterator[np.ndarray]:
        for number, frame in enumerate(painted):
            if number in shown:
                kept.append(frame)
            yield frame

    write_video(options.output, passing(), options.fps or poses.fps)
    sheet = options.output.with_suffix(".png")
    rows = [[reference, *kept], [reference_pose, *drawn(poses, shown)]]
    if poses is not driver:
        rows.append([np.full_like(reference, 255), *drawn(driver, shown)])
    write_picture(sheet, contact_sheet(rows))
    seconds = time.perf_counter() - began
    print(f"{options.output} ({num_frames} frames, {seconds:.1f} s with {find(options.checkpoint)}), {sheet}")


def drawn(poses: KeypointPoses | PoseVideo, frames: list[int]) -> list[np.ndarray]:
    return [poses.draw(range(frame, frame + 1))[0] for frame in frames]


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


def paint(
    options: argparse.Namespace,
    reference: np.ndarray,
    reference_pose: np.ndarray,
    poses: KeypointPoses | PoseVideo,
    num_frames: int,
    ranks: Ranks,
) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) uint8 from a picture, its pose and poses, one after the other."""
    pipeline = loaded(options)
    with torch.inference_mode():
        read = pipeline.encode_reference(
            to_tensor(reference)[None].to(options.device),
            ((to_tensor(reference_pose)[None] + 1) / 2).to(options.device),
        )

    def pose(frames: range) -> torch.Tensor:
        return ((to_tensor(poses.draw(frames))[None] + 1) / 2).to(options.device)

    bar = Progress()

    def progress(total: int) -> Callable[[], None]:
        return partial(bar.advance, bar.add_task("painting", total=total, visible=ranks.index == 0))

    pieces = stream(
        pipeline,
        read,
        Drive(pose, num_frames, read.tokens),
        keys=[options.reference.name],
        sampler=sampling(options),
        guidance=options.guidance,
        seed=options.seed,
        ranks=ranks,
        progress=progress,
        preview=PreviewCodec.from_folder(options.preview).to(options.device) if options.preview else None,
    )
    with bar:
        for piece in pieces:
            yield from to_uint8(piece[0])


def loaded(options: argparse.Namespace) -> Pipeline:
    pipeline = load_pipeline(options.checkpoint).to(options.device)
    if isinstance(pipeline, TryOnPipeline):
        raise InputError(f"{find(options.checkpoint)} was trained for try-on; name an animation checkpoint")
    compute_in(pipeline, precision_on(options.device, options.precision))
    if options.compile:
        fuse_projections(pipeline.denoiser)
        compile_blocks(pipeline.denoiser)
    return pipeline


def sampling(options: argparse.Namespace) -> Sampler:
    """The checkpoint's own sampler, but for what is asked otherwise."""
    return load_sampler(
        options.checkpoint,
        solver=options.solver,
        num_steps=options.steps,
        start=options.start,
        window=options.window,
        overlap=options.window and options.window // 4,
    )

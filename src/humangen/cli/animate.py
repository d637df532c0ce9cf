"""Paints the person of a reference picture in the poses of a source, as an mp4 and a contact sheet."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress

from humangen.checkpoint import find, load_sampler
from humangen.cli.errors import positive
from humangen.cli.options import add_checkpoint, add_painting, add_speed, guidance_of, pipeline_of, speed_up
from humangen.cli.outputs import check_output, identities
from humangen.cli.scene import scene_of
from humangen.diffusion.sample import Sampler
from humangen.inference.animate import KEY, Drive, stream
from humangen.inference.ranks import Ranks, join_ranks
from humangen.inference.scene import Scene
from humangen.media import to_tensor, to_uint8, write_picture, write_video
from humangen.models.motion import is_identity
from humangen.models.pipeline import Pipeline
from humangen.models.tryon import TryOnPipeline
from humangen.models.vae import PreviewCodec
from humangen.types import InputError

SHOWN = 8  # frames on the sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, default="shipped")
    parser.add_argument("--reference", type=Path, required=True, help="picture of the person")
    parser.add_argument("--reference-pose", type=Path, help="keypoints of the reference; paints worse without")
    parser.add_argument("--poses", required=True, help="pose video, keypoints .npz, or dancer:SEED")
    parser.add_argument(
        "--align",
        action=argparse.BooleanOptionalAction,
        help="give the poses the reference's proportions and place (default: where both are keypoints)",
    )
    parser.add_argument("--output", type=Path, required=True, help="mp4 to write; X.sheet.png goes beside X.mp4")
    parser.add_argument("--frames", type=positive(int), help="paint at most this many frames")
    parser.add_argument("--fps", type=positive(float), help="frames per second of the output (default: the source's)")
    add_painting(parser)
    parser.add_argument("--solver", help="ddim, dpm, lcm, or euler for flow models (default: as the checkpoint says)")
    parser.add_argument(
        "--window", type=positive(int), help="frames painted at once; long clips overlap (default: as it was trained)"
    )
    parser.add_argument("--start", choices=("noise", "reference"), help="what sampling begins from")
    parser.add_argument("--preview", help="folder of a tiny autoencoder (TAESD) that decodes fast and roughly")
    add_speed(parser)


def run(options: argparse.Namespace) -> None:
    if options.output.suffix != ".mp4":
        raise InputError(f"--output {options.output} must end in .mp4")
    scene = scene_of(options)
    sheet = options.output.with_suffix(".sheet.png")
    read = identities(filter(None, (options.reference, options.reference_pose, Path(options.poses))))
    for output in (options.output, sheet):
        check_output(output, read)
    began = time.perf_counter()
    ranks = join_ranks(options.device)
    painted = paint(options, scene, ranks)
    if ranks.index > 0:  # the first one writes; the others only paint
        for _ in painted:
            pass
        return
    shown = np.linspace(0, scene.num_frames - 1, min(SHOWN, scene.num_frames)).round().astype(int).tolist()
    kept: list[np.ndarray] = []

    def passing() -> Iterator[np.ndarray]:
        for number, frame in enumerate(painted):
            if number in shown:
                kept.append(frame)
            yield frame

    write_video(options.output, passing(), options.fps or scene.poses.fps)
    write_picture(sheet, scene.sheet(kept, shown))
    seconds = time.perf_counter() - began
    print(f"{options.output} ({scene.num_frames} frames, {seconds:.1f} s with {find(options.checkpoint)}), {sheet}")


def paint(options: argparse.Namespace, scene: Scene, ranks: Ranks) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) uint8 without the padding of the reference, one after the other."""
    pipeline = loaded(options)
    if ranks.index == 0:
        for note in notes(options, pipeline, scene.num_frames):
            print(f"note: {note}", file=sys.stderr)
    with torch.inference_mode():
        read = pipeline.encode_reference(
            to_tensor(scene.reference.picture)[None].to(options.device),
            ((to_tensor(scene.reference_pose)[None] + 1) / 2).to(options.device),
        )

    def pose(frames: range) -> torch.Tensor:
        return ((to_tensor(scene.poses.draw(frames))[None] + 1) / 2).to(options.device)

    bar = Progress()

    def progress(total: int) -> Callable[[], None]:
        return partial(bar.advance, bar.add_task("painting", total=total, visible=ranks.index == 0))

    pieces = stream(
        pipeline,
        read,
        Drive(pose, scene.num_frames, read.tokens),
        keys=[KEY],
        sampler=sampling(options),
        guidance=guidance_of(options),
        seed=options.seed,
        ranks=ranks,
        progress=progress,
        preview=PreviewCodec.from_folder(options.preview).to(options.device) if options.preview else None,
    )
    with bar:
        for piece in pieces:
            yield from scene.reference.without_padding(to_uint8(piece[0]))


def loaded(options: argparse.Namespace) -> Pipeline:
    pipeline = pipeline_of(options)
    if isinstance(pipeline, TryOnPipeline):
        raise InputError(f"{find(options.checkpoint)} was trained for try-on; name an animation checkpoint")
    speed_up(pipeline, options)
    return pipeline


def notes(options: argparse.Namespace, pipeline: Pipeline, num_frames: int) -> Iterator[str]:
    """What makes the video worse than this network can."""
    picture = options.reference
    if options.reference_pose is None and pipeline.denoiser.reference_pose:
        yield (
            f"without --reference-pose the network is not told the pose in {picture}, as it always was in training, "
            "and paints worse: make the keypoints with "
            f"python -m data_prep pose --input {picture} --output {picture.with_suffix('.npz')}"
        )
    if num_frames > 1 and is_identity(pipeline.denoiser.state_dict()):
        yield (
            f"the temporal layers of {find(options.checkpoint)} change nothing yet, and frames that know nothing of "
            "each other flicker: train them with python train.py experiment=... stage=motion init=RUN"
        )


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

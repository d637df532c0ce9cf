"""Animation batches from shards of clips."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from humangen.data.clips import ClipSampler
from humangen.data.framing import Framing
from humangen.data.module import Collate, ShardData
from humangen.data.schema import decode_clip
from humangen.data.stream import Sample
from humangen.media import to_tensor
from humangen.pose.draw import draw_poses
from humangen.types import AnimationBatch, InputError, PictureBatch


@dataclass(frozen=True)
class Example:
    """One sample, decoded and framed, in the batch's formats but for the sample axis; frame 0 is the reference."""

    key: str
    frames: np.ndarray  # 1 + K F, H, W, 3, uint8
    poses: np.ndarray  # 1 + K F, H, W, 3, uint8
    figures: np.ndarray | None  # 1 + K F, H, W, bool
    targets: tuple[tuple[int, ...], ...]  # K clips of F frame numbers


def make_example(sample: Sample, *seed: int, sampler: ClipSampler, framing: Framing) -> Example:
    """Draws frames and a view for one raw sample; the draw depends on (`seed`, sample key) alone."""
    record = decode_clip(sample)
    try:
        random = np.random.default_rng([*seed, zlib.crc32(record.key.encode())])
        choice = sampler(len(record.keypoints), record.info.fps, random)
        frames = record.open().frames(choice.frames)
        height, width = frames.shape[1:3]
        view = framing(height, width, random)
        keypoints = view.keypoints(record.keypoints[choice.frames], height, width)
        poses = draw_poses(keypoints, framing.height, framing.width)
        figures = None if record.figure is None else view.mask(record.figure[choice.frames])
    except InputError as error:
        raise InputError(f"sample {record.key}: {error}") from error
    return Example(record.key, view.pixels(frames), poses, figures, choice.targets)


def collate(examples: list[Example], skipped: list[str]) -> AnimationBatch:
    """One batch of examples with equally many clips of equal length."""
    clips, length = len(examples[0].targets), len(examples[0].targets[0])
    frames = torch.stack([to_tensor(example.frames) for example in examples])
    poses = torch.stack([(to_tensor(example.poses) + 1) / 2 for example in examples])
    masks = [example.figures for example in examples if example.figures is not None]
    figures = None
    if len(masks) == len(examples):
        stacked = torch.from_numpy(np.stack(masks))
        figures = (stacked[:, 1:] | stacked[:, :1]).unflatten(1, (clips, length)).flatten(0, 1)
    return AnimationBatch(
        keys=[f"{example.key}@{clip[0]}" for example in examples for clip in example.targets],
        reference=frames[:, 0],
        reference_pose=poses[:, 0],
        target=frames[:, 1:].unflatten(1, (clips, length)).flatten(0, 1),
        target_pose=poses[:, 1:].unflatten(1, (clips, length)).flatten(0, 1),
        figure=figures,
        skipped=skipped,
    )


def collate_pictures(examples: list[Example], skipped: list[str]) -> PictureBatch:
    """All frames of the examples as pictures."""
    return PictureBatch(
        keys=[example.key for example in examples for _ in example.frames],
        pixels=to_tensor(np.concatenate([example.frames for example in examples])),
        skipped=skipped,
    )


class AnimationData(ShardData):
    """References and the clips to paint of them. See `ShardData` for the arguments it shares."""

    kind = "animation"

    def __init__(
        self,
        *,
        train_sampler: ClipSampler,
        eval_sampler: ClipSampler,
        train_framing: Framing,
        eval_framing: Framing,
        collate: Collate = collate,
        **shared: Any,
    ) -> None:
        super().__init__(
            make_training=partial(make_example, sampler=train_sampler, framing=train_framing),
            make_evaluation=partial(make_example, sampler=eval_sampler, framing=eval_framing),
            collate=collate,
            **shared,
        )


class PictureData(AnimationData):
    """The frames of the same shards as single pictures."""

    def __init__(self, **options: Any) -> None:
        super().__init__(collate=collate_pictures, **options)

"""Animation batches from shards of clips."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humangen.data.batches import Make
from humangen.data.clips import Choice, ClipSampler
from humangen.data.framing import Framing, View
from humangen.data.latents import read_latents
from humangen.data.mix import Part
from humangen.data.module import Finish, ShardData
from humangen.data.schema import LATENTS, ClipRecord, decode_clip, named
from humangen.data.tars import LARGE, Sample
from humangen.media import floats
from humangen.pose.draw import PARTS, draw_poses
from humangen.types import AnimationBatch, Drawn, InputError, LatentsInfo, Movable, PictureBatch

PICTURES = frozenset({"mp4", "figure.npz"})  # what nobody reads where there are latents


@dataclass(frozen=True)
class Example:
    """One sample, decoded and framed; frame 0 is the reference."""

    key: str
    frames: Tensor  # 1 + K F, H, W, 3, uint8; or the latents that `latents` describes, 1 + K F, C, h, w, half
    poses: Tensor  # 1 + K F, H, W, 3, uint8
    targets: tuple[tuple[int, ...], ...]  # K clips of F frame numbers
    figures: Tensor | None = None  # 1 + K F, H, W, bool
    latents: LatentsInfo | None = None
    tokens: Tensor | None = None  # N, D, of the reference, stored beside latents


def make_example(
    sample: Sample, *seed: int, sampler: ClipSampler, framing: Framing, parts: Collection[str] = PARTS
) -> Example:
    """Draws frames and a view for one raw sample; the draw depends on (`seed`, sample key) alone."""
    record = decode_clip(sample)
    with named(record.key):
        choice, view, poses = _draw(record, seed, sampler, framing, parts)
        frames = torch.from_numpy(record.open().frames(choice.frames, view.picture))
        figures = None
        if record.figure is not None:
            figures = torch.from_numpy(np.stack([view.mask(record.figure[number]) for number in choice.frames]))
    return Example(record.key, frames, poses, choice.targets, figures)


def make_latent_example(
    sample: Sample,
    *seed: int,
    sampler: ClipSampler,
    framing: Framing,
    latents: LatentsInfo,
    parts: Collection[str] = PARTS,
) -> Example:
    """`make_example` of frames that were encoded beforehand; what is drawn is the same. No video is read."""
    record = decode_clip(sample, pictures=False)
    with named(record.key):
        choice, view, poses = _draw(record, seed, sampler, framing, parts)
        if LATENTS not in sample:
            raise InputError(f"{LATENTS} is not there")
        wanted = {"mean": choice.frames} | ({"tokens": [choice.reference]} if latents.image_encoder else {})
        found = read_latents(sample[LATENTS], wanted, len(record.usable), view.mirrored)
        tokens = torch.from_numpy(found["tokens"][0]) if "tokens" in found else None
    frames = torch.from_numpy(found["mean"])
    return Example(record.key, frames, poses, choice.targets, latents=latents, tokens=tokens)


def _draw(
    record: ClipRecord, seed: tuple[int, ...], sampler: ClipSampler, framing: Framing, parts: Collection[str]
) -> tuple[Choice, View, Tensor]:
    """Which frames, seen how, and the poses drawn in them."""
    random = np.random.default_rng([*seed, zlib.crc32(record.key.encode())])
    choice = sampler(record.usable, record.info.fps, random)
    height, width = record.info.video_size
    keypoints = record.keypoints[choice.frames]
    view = framing(height, width, random, framing.focus(record.info.box, keypoints))
    poses = draw_poses(view.keypoints(keypoints, height, width), view.height, view.width, parts)
    return choice, view, torch.from_numpy(poses)


@dataclass(frozen=True)
class Stack(Movable):
    """Examples side by side, as they travel to the device: bytes, a quarter of the floats they become."""

    keys: list[str]
    targets: list[tuple[tuple[int, ...], ...]]
    frames: Tensor
    poses: Tensor
    figures: Tensor | None
    tokens: Tensor | None
    latents: LatentsInfo | None
    drawn: Drawn


def stack(examples: list[Example], drawn: Drawn) -> Stack:
    """One stack of examples with equally many clips of equal length; what not all of them have is left out."""

    def together(name: str) -> Any:
        values = [getattr(example, name) for example in examples]
        return None if any(value is None for value in values) else torch.from_numpy(np.stack(values))

    tensors = {name: together(name) for name in ("frames", "poses", "figures", "tokens")}
    keys, targets = [example.key for example in examples], [example.targets for example in examples]
    return Stack(keys, targets, latents=examples[0].latents, drawn=drawn, **tensors)


def animation_batch(stack: Stack) -> AnimationBatch:
    clips, length = len(stack.targets[0]), len(stack.targets[0][0])
    frames = floats(stack.frames) if stack.latents is None else stack.frames.float()
    poses = floats(stack.poses).add_(1).div_(2)
    figures = None
    if stack.figures is not None:
        figures = (stack.figures[:, 1:] | stack.figures[:, :1]).unflatten(1, (clips, length)).flatten(0, 1)
    return AnimationBatch(
        keys=[f"{key}@{clip[0]}" for key, targets in zip(stack.keys, stack.targets, strict=True) for clip in targets],
        reference=frames[:, 0],
        reference_pose=poses[:, 0],
        target=frames[:, 1:].unflatten(1, (clips, length)).flatten(0, 1),
        target_pose=poses[:, 1:].unflatten(1, (clips, length)).flatten(0, 1),
        figure=figures,
        latents=stack.latents,
        reference_tokens=None if stack.tokens is None else stack.tokens.float(),
        drawn=stack.drawn,
    )


def picture_batch(stack: Stack) -> PictureBatch:
    """All frames of the examples as pictures."""
    keys = [key for key in stack.keys for _ in range(stack.frames.shape[1])]
    return PictureBatch(keys=keys, pixels=floats(stack.frames.flatten(0, 1)), drawn=stack.drawn)


def collate(examples: list[Example], drawn: Drawn) -> AnimationBatch:
    """One batch of examples with equally many clips of equal length."""
    return animation_batch(stack(examples, drawn))


class AnimationData(ShardData):
    """References and the clips to paint of them, driven by the drawn `parts` of their poses. See `ShardData` for the
    arguments it shares.

    Training reads latents where the shards hold them; evaluation, which needs the truth, always decodes pixels.
    """

    kind = "animation"

    def __init__(
        self,
        *,
        train_sampler: ClipSampler,
        eval_sampler: ClipSampler,
        train_framing: Framing,
        eval_framing: Framing,
        parts: Collection[str] = PARTS,
        finish: Finish = animation_batch,
        **shared: Any,
    ) -> None:
        super().__init__(
            make_evaluation=partial(make_example, sampler=eval_sampler, framing=eval_framing, parts=parts),
            collate=stack,
            finish=finish,
            **shared,
        )
        self.train_sampler, self.train_framing, self.parts = train_sampler, train_framing, parts

    def training_reader(self, part: Part, latents: LatentsInfo | None) -> tuple[Make, frozenset[str]]:
        framing = part.framed(self.train_framing)
        drawn: dict[str, Any] = {"sampler": part.sampler or self.train_sampler, "framing": framing, "parts": self.parts}
        if latents is None:
            return partial(make_example, **drawn), LARGE
        check_framing(latents, framing, part.shards)
        return partial(make_latent_example, **drawn, latents=latents), LARGE | PICTURES


def check_framing(latents: LatentsInfo, framing: Framing, shards: str) -> None:
    """Raises `InputError` where latents do not hold what a framing shows: decoding instead would be silently slow."""
    if framing.excerpt:
        wanted = framing.excerpt
    elif (framing.height, framing.width) != (latents.height, latents.width):
        wanted = (
            f"{framing.height}x{framing.width}: make others with python -m data_prep latents "
            f"--size {framing.height}x{framing.width}"
        )
    else:
        return
    raise InputError(
        f"{shards} holds latents of whole pictures at {latents.height}x{latents.width}, and the training framing wants "
        f"{wanted}, or name the shards without latents"
    )


class PictureData(AnimationData):
    """The frames of the same shards as single pictures."""

    def __init__(self, **options: Any) -> None:
        super().__init__(finish=picture_batch, **options)

    def training_reader(self, part: Part, latents: LatentsInfo | None) -> tuple[Make, frozenset[str]]:
        return super().training_reader(part, None)

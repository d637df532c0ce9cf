"""Try-on batches from shards of person and garment pictures."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humangen.data.framing import Framing
from humangen.data.module import ShardData
from humangen.data.schema import decode_pair, named
from humangen.data.stream import Sample
from humangen.media import decode_picture, fit_picture, floats
from humangen.pose.draw import draw_pose
from humangen.types import InputError, Movable, TryOnBatch


@dataclass(frozen=True)
class PairExample:
    """One sample, decoded and framed."""

    key: str
    person: np.ndarray  # H, W, 3, uint8
    garment: np.ndarray  # H, W, 3, uint8
    region: np.ndarray  # H, W, bool
    pose: np.ndarray  # H, W, 3, uint8


def make_pair_example(sample: Sample, *seed: int, framing: Framing) -> PairExample:
    """Draws a view for one raw sample, of the person, her region and her pose alike; the garment is fitted into a
    picture of the same size and mirrored with them. The draw depends on (`seed`, sample key) alone."""
    record = decode_pair(sample)
    with named(record.key):
        person = decode_picture(record.person, "person")
        garment = decode_picture(record.garment, "garment")
        height, width = person.shape[:2]
        if record.region.shape != (height, width):
            raise InputError(f"the region is {record.region.shape}, the person {height, width}")
    random = np.random.default_rng([*seed, zlib.crc32(record.key.encode())])
    view = framing(height, width, random)
    pose = np.zeros((view.height, view.width, 3), np.uint8)
    if record.keypoints is not None:
        pose = draw_pose(view.keypoints(record.keypoints, height, width), view.height, view.width)
    fitted = fit_picture(garment, view.height, view.width)
    return PairExample(
        record.key,
        view.picture(person),
        fitted[:, ::-1] if view.mirrored else fitted,
        view.mask(record.region),
        pose,
    )


@dataclass(frozen=True)
class PairStack(Movable):
    """Examples side by side, as they travel to the device: bytes, a quarter of the floats they become."""

    keys: list[str]
    pictures: Tensor  # 3 K H W 3, uint8: persons, garments, poses
    region: Tensor  # K H W, bool
    skipped: list[str]


def stack_pairs(examples: list[PairExample], skipped: list[str]) -> PairStack:
    def together(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(example, name) for example in examples]))

    pictures = torch.stack([together(name) for name in ("person", "garment", "pose")])
    return PairStack([example.key for example in examples], pictures, together("region"), skipped)


def tryon_batch(stack: PairStack) -> TryOnBatch:
    person, garment, pose = floats(stack.pictures)
    region = stack.region[:, None]
    return TryOnBatch(stack.keys, person, garment, region, pose=(pose + 1) / 2, skipped=stack.skipped)


class TryOnData(ShardData):
    """People, the garments they are to wear, and where. See `ShardData` for the arguments it shares.

    `shards`/train holds each person with the garment she wears; test likewise, test_unpaired with another.
    """

    kind = "tryon"

    def __init__(self, *, train_framing: Framing, eval_framing: Framing, **shared: Any) -> None:
        super().__init__(
            make_training=partial(make_pair_example, framing=train_framing),
            make_evaluation=partial(make_pair_example, framing=eval_framing),
            collate=stack_pairs,
            finish=tryon_batch,
            **shared,
        )

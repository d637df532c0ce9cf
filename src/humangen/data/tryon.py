"""Try-on batches from shards of person and garment pictures."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humangen.data.augment import Augmentation, Dressed
from humangen.data.batches import Make, everyone
from humangen.data.framing import Framing, View
from humangen.data.mix import Part
from humangen.data.module import ShardData
from humangen.data.schema import CATEGORIES, PairRecord, decode_pair, is_of, named
from humangen.data.tars import LARGE, Sample
from humangen.media import decode_picture, fit_picture, floats
from humangen.pose.draw import draw_pose
from humangen.types import Drawn, InputError, LatentsInfo, Movable, TryOnBatch

UNPAIRED = "_unpaired"  # what the splits end with in which people are to wear other garments
ORDERS = {"paired": "", "unpaired": UNPAIRED}


@dataclass(frozen=True)
class PairExample:
    """One sample, decoded and framed: pictures are uint8 (H, W, 3), masks bool (H, W)."""

    key: str
    person: np.ndarray
    garment: np.ndarray
    region: np.ndarray
    pose: np.ndarray
    paired: bool  # the person wears this garment, and is the truth
    truth: np.ndarray | None = None
    worn: np.ndarray | None = None


def make_pair_example(
    sample: Sample, *seed: int, framing: Framing, augmentation: Augmentation | None = None
) -> PairExample:
    """Draws a view for one raw sample, of the person, her region and her pose alike; the garment is fitted into a
    picture of the same size and mirrored with them. The draws depend on (`seed`, sample key) alone."""
    record = decode_pair(sample)
    random = np.random.default_rng([*seed, zlib.crc32(record.key.encode())])
    with named(record.key):
        dressed, view = framed(record, framing, random)
        truth = None if record.truth is None else view.picture(decode_picture(record.truth, "truth"))
    worn = None if record.worn is None else view.mask(record.worn)
    if augmentation is not None:
        dressed, truth, worn = augmentation(dressed, random), None, None  # which would not fit any more
    pose = np.zeros_like(dressed.person)
    if dressed.keypoints is not None:
        pose = draw_pose(dressed.keypoints, view.height, view.width)
    return PairExample(
        record.key,
        dressed.person,
        dressed.garment,
        dressed.region,
        pose,
        paired=not record.info.split.endswith(UNPAIRED),
        truth=truth,
        worn=worn,
    )


def framed(record: PairRecord, framing: Framing, random: np.random.Generator) -> tuple[Dressed, View]:
    """A record's pictures in one view, and the view."""
    person = decode_picture(record.person, "person")
    garment = decode_picture(record.garment, "garment")
    height, width = person.shape[:2]
    if record.region.shape != (height, width):
        raise InputError(f"the region is {record.region.shape}, the person {height, width}")
    view = framing(height, width, random)
    fitted = fit_picture(garment, view.height, view.width)
    keypoints = record.keypoints
    if keypoints is not None:
        keypoints = view.keypoints(keypoints, height, width)
    fitted = fitted[:, ::-1] if view.mirrored else fitted
    return Dressed(view.picture(person), fitted, view.region(record.region), keypoints), view


@dataclass(frozen=True)
class PairStack(Movable):
    """Examples side by side, as they travel to the device: bytes, a quarter of the floats they become."""

    keys: list[str]
    pictures: Tensor  # 3 or 4 K H W 3, uint8: persons, garments, poses, and truths where all are known
    masks: Tensor  # 1 or 2 K H W, bool: regions, and where all are known the garments in the truth
    paired: bool  # all are
    drawn: Drawn


def stack_pairs(examples: list[PairExample], drawn: Drawn) -> PairStack:
    def together(*names: str) -> Tensor:
        known = [name for name in names if all(getattr(example, name) is not None for example in examples)]
        return torch.from_numpy(
            np.stack([np.stack([getattr(example, name) for example in examples]) for name in known])
        )

    return PairStack(
        [example.key for example in examples],
        together("person", "garment", "pose", "truth"),
        together("region", "worn"),
        all(example.paired for example in examples),
        drawn,
    )


def tryon_batch(stack: PairStack) -> TryOnBatch:
    person, garment, pose, *truth = floats(stack.pictures)
    region, *worn = stack.masks[:, :, None]
    batch = TryOnBatch(stack.keys, person, garment, region, pose=(pose + 1) / 2, drawn=stack.drawn)
    known = truth[0] if truth else person if stack.paired else None
    return replace(batch, truth=known, worn=worn[0] if worn else None)


class TryOnData(ShardData):
    """People, the garments they are to wear, and where. See `ShardData` for the arguments it shares.

    `shards`/train holds each person with the garment she wears, and so do val and test. In `order` `unpaired` the test
    is that of test_unpaired, where people are to wear other garments; training never takes them for pairs. An
    evaluation is of garments of `category` alone, one of `CATEGORIES`, where one is given.
    """

    kind = "tryon"

    def __init__(
        self,
        *,
        train_framing: Framing,
        eval_framing: Framing,
        augmentation: Augmentation | None = None,
        order: str = "paired",
        category: str | None = None,
        **shared: Any,
    ) -> None:
        if order not in ORDERS:
            raise InputError(f"no order {order!r}; there are {', '.join(ORDERS)}")
        if category not in (None, *CATEGORIES):
            raise InputError(f"no category {category!r}; there are {', '.join(CATEGORIES)}")
        self.test_split = f"test{ORDERS[order]}"
        super().__init__(
            make_evaluation=partial(make_pair_example, framing=eval_framing),
            collate=stack_pairs,
            finish=tryon_batch,
            chosen=partial(is_of, category) if category else everyone,
            **shared,
        )
        self.train_framing, self.augmentation = train_framing, augmentation

    def training_reader(self, part: Part, latents: LatentsInfo | None) -> tuple[Make, frozenset[str]]:
        if part.sampler:
            raise InputError(f"{part.shards} has a sampler, and there are no frames to draw from pairs: leave it out")
        framing = part.framed(self.train_framing)
        return partial(make_pair_example, framing=framing, augmentation=self.augmentation), LARGE

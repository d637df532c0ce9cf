"""What travels between the parts.

Axes: B samples, K clips (a multiple of B: several clips may share one reference), F frames, C channels,
H W pixels, h w latent cells, N tokens, D width, J joints.
Pixels are float in [-1, 1], channels first; pose maps are float in [0, 1], channels first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class InputError(ValueError):
    """Something a person can put right: says what was wrong, in which file or key, and what to do."""


class Missing(InputError):
    """Weights are not where they were said to be."""


def sentence(error: BaseException) -> str:
    """What an error says. A loader worker hands its whole traceback over as the message; the sentence is its end."""
    lines = str(error).strip().splitlines()
    if isinstance(error, InputError) and lines:
        return lines[-1].removeprefix("humangen.types.InputError: ")
    return " ".join([f"{type(error).__name__}:", *lines[:1]])


@dataclass(frozen=True)
class LatentsInfo:
    """Latents that were made beforehand: of whole pictures brought to `height` x `width`, by a codec of `channels`
    whose weights have the sha256 `codec`. `image_encoder` is the sha256 of whose tokens lie beside them, if any do."""

    codec: str
    height: int
    width: int
    channels: int
    image_encoder: str | None = None


class Movable:
    """Dataclasses of tensors that a Trainer moves whole."""

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Its tensors, by the names of their fields."""
        values = ((each.name, getattr(self, each.name)) for each in fields(self))  # type: ignore[arg-type]
        return {name: value for name, value in values if isinstance(value, Tensor)}

    def to(self, device: torch.device | str, **how: Any) -> Self:
        """The same with its tensors on `device`."""
        moved = {name: value.to(device, **how) for name, value in self.tensors.items()}
        return replace(self, **moved)  # type: ignore[type-var]


@dataclass(frozen=True)
class Count:
    """What a batch took of one set: samples that are in it, broken ones that are not, and how often the stream that it
    comes from has passed over the whole set."""

    samples: int
    skipped: int
    epochs: int


@dataclass(frozen=True)
class Drawn:
    """Where the samples of a training batch come from: `skipped` names the broken ones that were passed over, `counts`
    are of every set, by the name under which they are logged."""

    skipped: list[str] = field(default_factory=list)
    counts: dict[str, Count] = field(default_factory=dict)


@dataclass
class AnimationBatch(Movable):
    """B reference pictures and the K clips to paint of them, clips of the same sample side by side.

    Where `latents` says who made them, `reference` (B C h w) and `target` (K F C h w) are latents, not pixels.
    `figure` marks the pixels of the person in the target and in the reference together (their union).
    """

    keys: list[str]  # K, one a clip
    reference: Tensor  # B C H W, [-1, 1]
    reference_pose: Tensor  # B 3 H W, [0, 1]
    target: Tensor  # K F C H W, [-1, 1]
    target_pose: Tensor  # K F 3 H W, [0, 1]
    figure: Tensor | None = None  # K F H W, bool
    latents: LatentsInfo | None = None
    reference_tokens: Tensor | None = None  # B N D, beside latents where they were stored
    drawn: Drawn = field(default_factory=Drawn)


@dataclass
class TryOnBatch(Movable):
    """K people, the garments they are to wear, and the region that a garment is painted into. K is a multiple of the
    number of garments B, and people of the same garment are side by side.

    `truth` shows the people in these garments and `worn` marks the garments there, where both are known of all.
    """

    keys: list[str]  # K
    person: Tensor  # K C H W, [-1, 1]
    garment: Tensor  # B C H W, [-1, 1]
    region: Tensor  # K 1 H W, bool, True: to paint
    pose: Tensor  # K 3 H W, [0, 1]
    truth: Tensor | None = None  # K C H W, [-1, 1]
    worn: Tensor | None = None  # K 1 H W, bool
    drawn: Drawn = field(default_factory=Drawn)


def first_samples(batch: Any, count: int) -> Any:
    """The first `count` references of a batch, with all that is painted of them."""
    rows = {each.name: getattr(batch, each.name) for each in fields(batch)}
    tensors = {name: value for name, value in rows.items() if isinstance(value, Tensor)}
    samples = min(len(value) for value in tensors.values())
    count = min(count, samples)
    parts: dict[str, Any] = {name: value[: len(value) // samples * count] for name, value in tensors.items()}
    return replace(batch, **parts, keys=batch.keys[: len(batch.keys) // samples * count])


def joined(parts: Sequence[T]) -> T:
    """Samples of several dataclasses of tensors side by side in one."""
    first = parts[0]
    columns = ((each.name, [getattr(part, each.name) for part in parts]) for each in fields(first))  # type: ignore[arg-type]
    tensors = {name: torch.cat(values) for name, values in columns if isinstance(values[0], Tensor)}
    return replace(first, **tensors)  # type: ignore[type-var]


@dataclass
class PictureBatch(Movable):
    """Pictures alone, for training a codec."""

    keys: list[str]
    pixels: Tensor  # B C H W, [-1, 1]
    drawn: Drawn = field(default_factory=Drawn)


@dataclass
class Reference:
    """What the denoiser reads: clean latents, the pose drawn in that picture, and image-encoder tokens."""

    latents: Tensor  # B C h w
    pose: Tensor  # B 3 H W, [0, 1]
    tokens: Tensor  # B N D


@dataclass
class Condition:
    """What a clip is to show. `present` is False where the reference is dropped; None: nowhere. In try-on only
    `region` is to be painted, and `outside` are the latents that stay around it."""

    pose: Tensor  # K F 3 H W, [0, 1]
    tokens: Tensor  # K N D
    present: Tensor | None = None  # K, bool
    region: Tensor | None = None  # K 1 1 h w, 1: to paint
    outside: Tensor | None = None  # K F C h w


@dataclass
class EncodedCondition(Condition):
    """A condition whose `pose` is no picture any more, but what the pose encoder makes of it (K, F, width, h, w)."""

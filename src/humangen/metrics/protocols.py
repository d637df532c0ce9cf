"""Named protocols: what is painted, what it is compared with, by which metrics. Numbers compare within one alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from humangen.metrics import suite
from humangen.metrics.measure import Measure
from humangen.metrics.region import RegionScores
from humangen.metrics.registry import RECIPES, available, check_drift
from humangen.metrics.samples import SampleScores
from humangen.metrics.suite import FrameScores
from humangen.metrics.video import DRIFT, Windows, drift_columns
from humangen.types import AnimationBatch, InputError, TryOnBatch

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Protocol(ABC, Generic[Batch]):
    """`id` and `version` name all that makes the numbers: another split, size, resize, clip or metric is another
    version. `metrics` are columns, `windows` how clips are cut for metrics of whole clips, `samples` how many of them
    the published set has.

    All that is compared are clips (K, F, 3, H, W) in [-1, 1] for the K keys of a batch.
    """

    id: str
    version: int
    metrics: Sequence[str]
    windows: Windows = Windows()
    samples: int | None = None
    floors: ClassVar[tuple[str, ...]]
    ceilings: ClassVar[tuple[str, ...]] = ("codec",)
    variations: ClassVar[tuple[str, ...]] = ()  # the names of `variants`

    @abstractmethod
    def truth(self, batch: Batch) -> Tensor: ...

    @abstractmethod
    def bounds(self, batch: Batch) -> dict[str, Tensor]:
        """The floors that need no network, by their names."""

    def variants(self, painted: Tensor, batch: Batch) -> dict[str, Tensor]:
        """What else may be made of a painting, by name."""
        return {}

    @abstractmethod
    def pictures(self, paintings: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """What there is to see of the samples, by name: what was given, `paintings`, and the truth where it is known;
        clips (K, F, 3, H, W), of one frame where nothing moves."""

    @abstractmethod
    def scores(self, names: Sequence[str]) -> SampleScores:
        """The metrics of `names`, all that need no network."""

    @abstractmethod
    def compare(self, measure: Measure, painted: Tensor, batch: Batch) -> None:
        """Adds to `measure` how near `painted` came to the truth of `batch`."""

    def measures(self, paintings: Sequence[str], folder: Path | None = None) -> dict[str, Measure]:
        """A measure for each way to paint, by its name; networks are read from `folder` and shared."""
        listed = [name for name in self.metrics if name in RECIPES]
        drift = [name for name in self.drifting() if name in RECIPES]
        check_drift(drift)
        ready, lacking = available([*dict.fromkeys((*listed, *drift))], folder, self.windows)
        own = [name for name in self.metrics if name not in listed and name.removeprefix(DRIFT) not in drift]
        columns = {name: name for name in listed} | {part: name for name in drift for part in drift_columns(name)}
        return {
            painting: Measure(
                self.scores(own),
                {name: each.clone() for name, each in ready.items()},
                {column: lacking[name] for column, name in columns.items() if name in lacking},
                drift=[name for name in drift if name in ready],
                hidden=[name for name in ready if name not in listed],
            )
            for painting in paintings
        }

    def drifting(self) -> list[str]:
        """The metrics of frames that are also asked for by quarters of the clips."""
        return []


class AnimationProtocol(Protocol[AnimationBatch]):
    """The people of the references in the poses of the clips. `temporal_drift_X` gives metric X of frames,
    with a network or without, by quarters of the clips."""

    floors: ClassVar[tuple[str, ...]] = ("isolated", "repeat_reference", "grey")

    def truth(self, batch: AnimationBatch) -> Tensor:
        return batch.target

    def bounds(self, batch: AnimationBatch) -> dict[str, Tensor]:
        """Without a reference, none of them repeats it."""
        repeated = {"repeat_reference": repeat_reference(batch)} if len(batch.reference) else {}
        return repeated | {"grey": torch.zeros_like(batch.target)}

    def pictures(self, paintings: dict[str, Tensor], batch: AnimationBatch) -> dict[str, Tensor]:
        """References and poses are left out where none is known."""
        references = {"reference": repeat_reference(batch)[:, :1]} if len(batch.reference) else {}
        poses = {"poses": batch.target_pose * 2 - 1} if batch.target_pose.any() else {}
        return {**references, **poses, **paintings, "truth": batch.target}

    def scores(self, names: Sequence[str]) -> SampleScores:
        drift = [name.removeprefix(DRIFT) for name in names if name.startswith(DRIFT)]
        known = [name for name in names if not name.startswith(DRIFT)]
        unknown = {*known, *drift} - {*suite.MAPPED, *suite.WHOLE, *suite.CLIP}
        if unknown:
            raise InputError(f"no metric is called {', '.join(sorted(unknown))}")
        if "psnr_wrapped" in (*known, *drift) and self.id != "disco256":
            raise InputError("psnr_wrapped ranks nothing, and is for protocol disco256 alone: take psnr")
        return FrameScores(known, drift=drift)

    def drifting(self) -> list[str]:
        return [name.removeprefix(DRIFT) for name in self.metrics if name.startswith(DRIFT)]

    def compare(self, measure: Measure, painted: Tensor, batch: AnimationBatch) -> None:
        measure.scores.update(painted, batch.target, batch.figure, keys=batch.keys)
        measure.see(painted, batch.target, batch.keys)


class TryOnProtocol(Protocol[TryOnBatch]):
    """The people of a batch in its garments. `painted` is all that the network painted; its variant `hard` has the
    person's own pixels around the region.

    Where nobody knows the people in these garments, only what is around the region is compared, and distances of sets
    of pictures are to the people as they were. `garment_fidelity` is the likeness of what was painted in the region,
    alone on white, and the picture of the garment. `lpips_alex_region` is the LPIPS of a picture that is the truth
    around what was painted in the region, `lpips_alex_outside` that of one which is the truth inside the region; like
    all LPIPS they are means over the whole picture.
    """

    floors: ClassVar[tuple[str, ...]] = ("isolated", "grey", "identity")
    variations: ClassVar[tuple[str, ...]] = ("hard",)
    unknown: ClassVar[tuple[str, ...]] = (  # what is known where the truth is not
        *("psnr_outside", "ssim_outside", "max_outside", "lpips_alex_outside"),
        *("old_garment_distance", "garment_fidelity"),
    )

    def truth(self, batch: TryOnBatch) -> Tensor:
        return (batch.person if batch.truth is None else batch.truth)[:, None]

    def bounds(self, batch: TryOnBatch) -> dict[str, Tensor]:
        return {"grey": blanked(batch)[:, None], "identity": batch.person[:, None]}

    def variants(self, painted: Tensor, batch: TryOnBatch) -> dict[str, Tensor]:
        return {"hard": torch.where(batch.region, painted[:, 0], batch.person)[:, None]}

    def pictures(self, paintings: dict[str, Tensor], batch: TryOnBatch) -> dict[str, Tensor]:
        return tryon_pictures(paintings, batch)

    def scores(self, names: Sequence[str]) -> SampleScores:
        return RegionScores(names)

    def compare(self, measure: Measure, painted: Tensor, batch: TryOnBatch) -> None:
        truth = self.truth(batch)
        known = batch.truth is not None
        if not known and (wrong := measure.of_samples() - set(self.unknown)):
            raise InputError(
                f"{', '.join(sorted(wrong))} need the truth, and nobody knows these people in these garments: leave "
                f"{'it' if len(wrong) == 1 else 'them'} out of protocol.definition.metrics"
            )
        worn = batch.worn if known else None
        measure.scores.update(painted[:, 0], truth[:, 0], batch.region, worn, batch.person, keys=batch.keys)
        worn_and_flat = cut_out(painted[:, 0], batch.region)[:, None], garments(batch)[:, None]
        inside = batch.region[:, None]
        pairs = {
            "garment_fidelity": worn_and_flat,
            "lpips_alex_region": (torch.where(inside, painted, truth), truth),
            "lpips_alex_outside": (torch.where(inside, truth, painted), truth),
        }
        measure.see(painted, truth, batch.keys, pairs)


def tryon_pictures(paintings: dict[str, Tensor], batch: TryOnBatch) -> dict[str, Tensor]:
    """See `Protocol.pictures`; `left` is what the network sees of the person."""
    given = {"person": batch.person, "left": blanked(batch), "garment": garments(batch)}
    true = {} if batch.truth is None else {"truth": batch.truth[:, None]}
    return {name: pixels[:, None] for name, pixels in given.items()} | paintings | true


def garments(batch: TryOnBatch) -> Tensor:
    """The garment of each person (K, 3, H, W)."""
    return batch.garment.repeat_interleave(len(batch.person) // len(batch.garment), dim=0)


def cut_out(pixels: Tensor, region: Tensor) -> Tensor:
    """Pictures (K, 3, H, W) that are white but for a region (K, 1, H, W), like that of a flat garment."""
    return torch.where(region, pixels, 1.0)


def repeat_reference(batch: AnimationBatch) -> Tensor:
    """Floor: the reference picture, whatever the pose."""
    clips = batch.reference.repeat_interleave(len(batch.target) // len(batch.reference), dim=0)
    return clips[:, None].expand_as(batch.target)


def blanked(batch: TryOnBatch) -> Tensor:
    """Floor: the person with the region grey (K, 3, H, W)."""
    return batch.person.masked_fill(batch.region, 0.0)

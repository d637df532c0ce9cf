"""Scoring pictures that lie in folders, whoever painted them, by the same ruler as our own.

A sample is ID.png, or a folder ID of its frames as PNG in the order of their numbers.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humangen.cases import keep_cases
from humangen.evaluation import Exam, costs, result_of
from humangen.media import PICTURE_SUFFIXES, VIDEO_SUFFIXES, decode_picture, has_alpha, open_picture, to_tensor
from humangen.metrics.protocols import AnimationProtocol
from humangen.types import AnimationBatch, InputError

SIGNATURE, DEPTH, COLOURS = b"\x89PNG\r\n\x1a\n", 24, 25  # of a PNG; the places of two bytes in it
GREY, RGB = 0, 2  # kinds of colours
LOSSY = (PICTURE_SUFFIXES | VIDEO_SUFFIXES) - {".png"}
NAMED = 3  # ids that an error names
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Folder:
    """The samples in a folder, by id."""

    path: Path

    @cached_property
    def frames(self) -> dict[str, list[Path]]:
        """The files of each sample, in the order of the numbers in their names. Raises `InputError` where there is
        none, or one that has lost some of what was painted, or where the names do not tell the order."""
        if not self.path.is_dir():
            raise InputError(f"no folder at {self.path}")
        files = sorted(path for path in self.path.rglob("*") if path.is_file() and not path.name.startswith("."))
        lossy = [path for path in files if path.suffix.lower() in LOSSY]
        if lossy:
            raise InputError(
                f"{lossy[0]} is no PNG: lossy files change scores as much as methods differ. Save the samples as PNG, "
                "the frames of a video in a folder of its id"
            )
        found: dict[str, list[Path]] = {}
        for path in files:
            if path.suffix.lower() == ".png":
                inside = path.relative_to(self.path)
                found.setdefault(inside.stem if len(inside.parts) == 1 else str(inside.parent), []).append(path)
        if not found:
            raise InputError(f"no PNG in {self.path}")
        return {key: in_order(paths) for key, paths in found.items()}

    @cached_property
    def sha256(self) -> str:
        """Of ids, sizes and pixels: however the files were compressed, and wherever they lie."""
        digest = hashlib.sha256()
        for key in sorted(self.frames):
            clip = self.clip(key)
            digest.update(f"{key}\n{clip.shape}\n".encode())
            digest.update(clip.tobytes())
        return digest.hexdigest()

    def clip(self, key: str) -> np.ndarray:
        """The frames (F, H, W, 3), uint8, of one sample."""
        frames = [read_frame(path) for path in self.frames[key]]
        if len({frame.shape for frame in frames}) > 1:
            raise InputError(f"the frames of {self.path / key} have different sizes")
        return np.stack(frames)

    def check_ids(self, wanted: Sequence[str], whose: str) -> None:
        """Raises `InputError` unless it holds just the samples `wanted`."""
        differences = {
            f"of {whose} are not in {self.path}": set(wanted) - set(self.frames),
            f"in {self.path} are not of {whose}": set(self.frames) - set(wanted),
        }
        told = [
            f"{len(ids)} {what}, for example {', '.join(sorted(ids)[:NAMED])}"
            for what, ids in differences.items()
            if ids
        ]
        if told:
            raise InputError(f"samples are matched by their ids, and {'; '.join(told)}")


def in_order(paths: Sequence[Path]) -> list[Path]:
    """The frames of a clip by the numbers in their names, of which 10 comes behind 9. Raises `InputError` where these
    do not tell which of two comes first."""
    numbered: dict[tuple[int, ...], Path] = {}
    for path in paths:
        numbers = tuple(int(digits) for digits in re.findall("[0-9]+", path.stem))
        other = numbered.setdefault(numbers, path)
        if other is not path or len(numbers) != len(next(iter(numbered))) or path.parent != paths[0].parent:
            first = paths[0] if other is path else other
            raise InputError(
                f"frames are put in order by the numbers in their names, and those of {first} and {path} do not tell "
                "which comes first: give each frame of a clip one number, as in ID/0.png"
            )
    return [numbered[numbers] for numbers in sorted(numbered)]


def read_frame(path: Path) -> np.ndarray:
    """The pixels (H, W, 3), uint8, of a PNG that holds just these. Raises `InputError` where it holds anything that
    reading would change, whatever its name says."""
    data = path.read_bytes()
    picture = decode_picture(data, str(path))
    with open_picture(data, str(path)) as opened:
        alpha = has_alpha(opened)
    if not data.startswith(SIGNATURE):
        kind = "is no PNG, whatever its name says"
    elif data[DEPTH] != 8 or data[COLOURS] not in (GREY, RGB) or alpha:
        kind = "has transparency, a palette, or other than 8 bits a channel"
    else:
        return picture
    raise InputError(f"{path} {kind}: scored are PNGs of 8-bit RGB, or grey, since others change when they are read")


@dataclass(frozen=True)
class FolderTruth:
    """Batches out of a folder of true clips: one each, of which no reference and no pose is known."""

    folder: Folder
    size: tuple[int, int]
    device: torch.device

    def batches(self) -> Iterator[AnimationBatch]:
        for key in sorted(self.folder.frames):
            clip = self.folder.clip(key)
            if clip.shape[1:3] != self.size:
                raise InputError(
                    f"{self.folder.path / key} is {clip.shape[2]}x{clip.shape[1]}, and this protocol is at "
                    f"{self.size[1]}x{self.size[0]}: bring truth and predictions to that size once, with Lanczos"
                )
            target = to_tensor(clip)[None].to(self.device)
            pose = torch.zeros_like(target)
            yield AnimationBatch([key], target[:0, 0], pose[:0, 0], target, pose)


def evaluate_folder(
    predictions: Path,
    truth: Path | None,
    exam: Exam,
    size: tuple[int, int],
    output: Path,
    device: torch.device = CPU,
) -> dict[str, Any]:
    """A result of the samples in the folder `predictions`: against those of the folder `truth`, else against the
    protocol's own data, whose keys are the ids. `size` (height, width) is the protocol's; some pictures are left in
    `output`. The metrics run on `device`."""
    began = time.perf_counter()
    painted, protocol = Folder(predictions), exam.protocol
    if truth and not isinstance(protocol, AnimationProtocol):
        raise InputError(f"protocol {protocol.id} looks into regions, which a folder has not: leave truth out")
    absent = {"isolated", "repeat_reference"} if truth else {"isolated"}
    names = [name for name in ("painted", *protocol.variations, *protocol.floors) if name not in absent]
    measures = exam.measures(names, device)
    facts: dict[str, Any] = {}
    batches = FolderTruth(Folder(truth), size, device).batches if truth else partial(exam.batches, device)
    if truth:
        painted.check_ids([*Folder(truth).frames], str(truth))
    keys: list[str] = []

    def read_painted(batch: Any) -> dict[str, Tensor]:
        return {"painted": read(painted, batch.keys, protocol.truth(batch))}

    for batch in exam.shown(batches()):
        known = protocol.truth(batch)
        paintings = read_painted(batch)
        paintings |= protocol.variants(paintings["painted"], batch) | protocol.bounds(batch)
        facts["resolution"] = list(known.shape[-2:])
        keys += batch.keys
        for name, measure in measures.items():
            protocol.compare(measure, paintings[name], batch)
    painted.check_ids(keys, "the protocol's samples")
    result = {**result_of(measures, exam), **exam.facts(), "predictions": str(predictions.resolve())}
    result |= {**facts, **costs(began)}
    keep_cases(protocol, batches(), read_painted, result["per_sample"], output / "clips")
    return result


def read(folder: Folder, keys: Sequence[str], truth: Tensor) -> Tensor:
    """The clips of `keys` from a folder, (K, F, 3, H, W) in [-1, 1], as many and as large as the `truth`."""
    clips = []
    for key, true in zip(keys, truth, strict=True):
        if key not in folder.frames:
            raise InputError(f"{folder.path} has no sample {key}: neither {key}.png nor a folder of that name")
        clip = to_tensor(folder.clip(key))
        if clip.shape != true.shape:
            told = ["x".join(map(str, (len(each), each.shape[3], each.shape[2]))) for each in (clip, true)]
            raise InputError(
                f"{folder.path / key} is {told[0]} (frames, width, height), and its truth {told[1]}: they must agree"
            )
        clips.append(clip)
    return torch.stack(clips).to(truth.device)

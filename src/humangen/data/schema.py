"""The shard format, shared by those who write it (data_prep) and those who read it.

An animation sample `key` is `key.mp4`, `key.pose.npz` (keypoints, float32 (F, 128, 3), and how many people each
frame shows, uint8 (F,)), `key.json` (source, identity, fps, size, split) and, where the source knows it,
`key.figure.npz` (the person's pixels, bit-packed); `key.latents.safetensors`, where they were made, is described in
`data/latents.py`. A try-on sample is `key.person.jpg`, `key.garment.jpg` (or .png), `key.mask.png` (255: to paint),
`key.json` and, where known, `key.pose.json`, `key.parse.png` (label numbers), `key.truth.png` (the person in this
garment, where she wears another in `person`) and `key.worn.png` (255: this garment, in the truth). No member is ever
unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from humangen.data.arrays import compress_arrays, pack_arrays, unpack_arrays
from humangen.data.video import StoredVideo
from humangen.media import (
    decode_labels,
    encode_picture,
    picture_format,
)
from humangen.pose.keypoints import check
from humangen.types import InputError

LATENTS = "latents.safetensors"
CATEGORIES = ("upper", "lower", "dress")  # of garments


@contextmanager
def named(key: str) -> Iterator[None]:
    """Names the sample in what is said of its faults."""
    try:
        yield
    except InputError as error:
        raise InputError(f"sample {key}: {error}") from error


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a clip besides its pixels; `identity` names the person, and never spans splits. `box` is
    where the person is over the whole clip: left, top, right, bottom in [0, 1]."""

    source: str
    identity: str
    split: str
    fps: float
    num_frames: int
    height: int
    width: int
    box: tuple[float, float, float, float] | None = None

    @property
    def video_size(self) -> tuple[int, int]:
        """Height and width of the frames in the video, whose sides H.264 wants even."""
        return self.height + self.height % 2, self.width + self.width % 2


@dataclass(frozen=True)
class ClipRecord:
    """One animation sample as stored: `video` is an mp4, `keypoints` (F, 128, 3), `figure` bool (F, H, W), `people`
    how many people each frame shows (F,), None where every frame shows the one."""

    key: str
    video: bytes
    keypoints: np.ndarray
    info: ClipInfo
    figure: np.ndarray | None = None
    people: np.ndarray | None = None

    @property
    def usable(self) -> np.ndarray:
        """Which frames show the person and nobody else: bool (F,)."""
        return np.ones(len(self.keypoints), bool) if self.people is None else self.people == 1

    def open(self) -> StoredVideo:
        """The video; raises `InputError` where the rest disagrees with it in length or size."""
        video = StoredVideo(self.video)
        self.check_length(len(video), "video")
        if video.size != self.info.video_size:
            raise InputError(f"its pictures are {video.size} pixels, its json says {self.info.video_size}")
        return video

    def check_length(self, length: int, name: str) -> None:
        """Raises `InputError` where what is called `name`, of `length` frames, and the rest are not equally long."""
        for part, values in (("keypoints", self.keypoints), ("the figure", self.figure), ("people", self.people)):
            if values is not None and len(values) != length:
                raise InputError(f"{length} frames of {name} but {len(values)} of {part}")


@dataclass(frozen=True)
class PairInfo:
    """What is known of a try-on sample besides its pixels. `garment` names the garment's picture; `parser` says whose
    label numbers the parse map has (`cihp`, `atr`)."""

    source: str
    identity: str
    split: str
    garment: str
    category: str  # one of CATEGORIES
    height: int
    width: int
    parser: str | None = None


@dataclass(frozen=True)
class PairRecord:
    """One try-on sample as stored: `person` and `garment` are JPEG or PNG bytes, `region` bool (H, W) is what is to
    paint, `keypoints` (128, 3), `parse` uint8 (H, W). `truth` are the PNG bytes of the person in this garment where
    `person` shows her in another and it is known; `worn` bool (H, W) marks the garment in the truth."""

    key: str
    person: bytes
    garment: bytes
    region: np.ndarray
    info: PairInfo
    keypoints: np.ndarray | None = None
    parse: np.ndarray | None = None
    truth: bytes | None = None
    worn: np.ndarray | None = None


def encode_clip(record: ClipRecord) -> dict[str, bytes | str]:
    """The members of a record, by webdataset field name."""
    poses = {} if record.people is None else {"people": record.people.astype(np.uint8)}
    members: dict[str, bytes | str] = {
        "__key__": record.key,
        "mp4": record.video,
        "pose.npz": pack_arrays(keypoints=record.keypoints.astype(np.float32), **poses),
        "json": _json(record.info),
    }
    if record.figure is not None:
        members["figure.npz"] = compress_arrays(
            figure=np.packbits(record.figure, axis=-1), width=record.figure.shape[-1]
        )
    return members


def encode_pair(record: PairRecord) -> dict[str, bytes | str]:
    """The members of a record, by webdataset field name."""
    members: dict[str, bytes | str] = {
        "__key__": record.key,
        f"person.{picture_format(record.person)}": record.person,
        f"garment.{picture_format(record.garment)}": record.garment,
        "mask.png": encode_picture(record.region.astype(np.uint8) * 255),
        "json": _json(record.info),
    }
    if record.keypoints is not None:
        members["pose.json"] = json.dumps({"keypoints": record.keypoints.round(6).tolist()}).encode()
    if record.parse is not None:
        members["parse.png"] = encode_picture(record.parse)
    if record.truth is not None:
        members["truth.png"] = record.truth
    if record.worn is not None:
        members["worn.png"] = encode_picture(record.worn.astype(np.uint8) * 255)
    return members


def decode_clip(sample: dict[str, Any], *, pictures: bool = True) -> ClipRecord:
    """A record from its members, without its `pictures` no video and no figure; raises `InputError` naming the sample
    and what is wrong with it."""
    key = str(sample["__key__"])
    missing = [field for field in ("mp4", "pose.npz", "json") if field not in sample]
    if missing:
        raise InputError(f"sample {key} has no {', '.join(missing)}")
    try:
        info = ClipInfo(**json.loads(sample["json"]))
        poses = unpack_arrays(sample["pose.npz"])
        keypoints = check(poses["keypoints"], "pose.npz")
        figure = None
        if pictures and "figure.npz" in sample:
            packed = unpack_arrays(sample["figure.npz"])
            figure = np.unpackbits(packed["figure"], axis=-1, count=int(packed["width"])).view(bool)
    except Exception as error:  # whatever zip, numpy or json make of broken bytes
        raise InputError(f"sample {key}: {error}") from error
    return ClipRecord(key, sample["mp4"] if pictures else b"", keypoints, info, figure, poses.get("people"))


def decode_pair(sample: dict[str, Any]) -> PairRecord:
    """A record from its members; raises `InputError` naming the sample and what is wrong with it."""
    key = str(sample["__key__"])
    found: dict[str, Any] = {
        name: sample.get(f"{name}.jpg", sample.get(f"{name}.png")) for name in ("person", "garment")
    }
    missing = [name for name, data in found.items() if data is None]
    missing += [field for field in ("mask.png", "json") if field not in sample]
    if missing:
        raise InputError(f"sample {key} has no {', '.join(missing)}")
    try:
        info = PairInfo(**json.loads(sample["json"]))
        region = decode_labels(sample["mask.png"]) >= 128
        keypoints = parse = worn = None
        if "pose.json" in sample:
            keypoints = check(np.array([json.loads(sample["pose.json"])["keypoints"]], np.float32), "pose.json")[0]
        if "parse.png" in sample:
            parse = decode_labels(sample["parse.png"])
        if "worn.png" in sample:
            worn = decode_labels(sample["worn.png"]) >= 128
    except Exception as error:  # whatever json, numpy or PIL make of broken bytes
        raise InputError(f"sample {key}: {error}") from error
    return PairRecord(
        key, found["person"], found["garment"], region, info, keypoints, parse, sample.get("truth.png"), worn
    )


def is_of(category: str, sample: dict[str, Any]) -> bool:
    """Whether a try-on sample's garment is of that category; raises `InputError` where it does not say."""
    try:
        return json.loads(sample["json"])["category"] == category
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"sample {sample['__key__']} does not say of which category its garment is: {error!r}"
        ) from error


def _json(info: ClipInfo | PairInfo) -> bytes:
    known = {name: value for name, value in asdict(info).items() if value is not None}
    return json.dumps(known, sort_keys=True).encode()

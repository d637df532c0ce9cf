"""The shard format, shared by those who write it (data_prep) and those who read it.

An animation sample `key` is `key.mp4`, `key.pose.npz` (keypoints, float32 (F, 128, 3)), `key.json` (source,
identity, fps, size, split) and, where the source knows it, `key.figure.npz` (the person's pixels, bit-packed).
`index.json` beside the tars counts and hashes them. No member is ever unpickled.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from humangen.media import VideoReader, open_video, replacing
from humangen.pose.keypoints import check
from humangen.types import InputError

SCHEMA_VERSION = 1
SPLITS = ("train", "val", "test")
INDEX = "index.json"


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a clip besides its pixels; `identity` names the person, and never spans splits."""

    source: str
    identity: str
    split: str
    fps: float
    num_frames: int
    height: int
    width: int


@dataclass(frozen=True)
class ClipRecord:
    """One animation sample as stored: `video` is an mp4, `keypoints` (F, 128, 3), `figure` bool (F, H, W)."""

    key: str
    video: bytes
    keypoints: np.ndarray
    info: ClipInfo
    figure: np.ndarray | None = None

    def open(self) -> VideoReader:
        """A reader on the video; raises `InputError` where video and keypoints disagree in length."""
        reader = open_video(self.video)
        if len(reader) != len(self.keypoints):
            raise InputError(f"{len(reader)} frames of video but {len(self.keypoints)} of keypoints")
        if self.figure is not None and len(self.figure) != len(self.keypoints):
            raise InputError(f"{len(self.keypoints)} frames of keypoints but {len(self.figure)} of the figure")
        return reader


def encode_clip(record: ClipRecord) -> dict[str, bytes | str]:
    """The members of a record, by webdataset field name."""
    members: dict[str, bytes | str] = {
        "__key__": record.key,
        "mp4": record.video,
        "pose.npz": _npz(keypoints=record.keypoints.astype(np.float32)),
        "json": json.dumps(asdict(record.info), sort_keys=True).encode(),
    }
    if record.figure is not None:
        members["figure.npz"] = _npz(figure=np.packbits(record.figure, axis=-1), width=record.figure.shape[-1])
    return members


def decode_clip(sample: dict[str, Any]) -> ClipRecord:
    """A record from its members; raises `InputError` naming the sample and what is wrong with it."""
    key = str(sample["__key__"])
    missing = [field for field in ("mp4", "pose.npz", "json") if field not in sample]
    if missing:
        raise InputError(f"sample {key} has no {', '.join(missing)}")
    try:
        info = ClipInfo(**json.loads(sample["json"]))
        keypoints = check(_arrays(sample["pose.npz"])["keypoints"], "pose.npz")
        figure = None
        if "figure.npz" in sample:
            packed = _arrays(sample["figure.npz"])
            figure = np.unpackbits(packed["figure"], axis=-1, count=int(packed["width"])).astype(bool)
    except Exception as error:  # whatever zip, numpy or json make of broken bytes
        raise InputError(f"sample {key}: {error}") from error
    return ClipRecord(key, sample["mp4"], keypoints, info, figure)


def _npz(**arrays: np.ndarray | int) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _arrays(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return dict(arrays)


@dataclass(frozen=True)
class Shard:
    name: str
    num_samples: int
    num_bytes: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """What `index.json` of one split's folder says."""

    kind: str
    split: str
    shards: tuple[Shard, ...]
    version: int = SCHEMA_VERSION

    @property
    def num_samples(self) -> int:
        return sum(shard.num_samples for shard in self.shards)

    def write(self, folder: Path) -> None:
        with replacing(folder / INDEX) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, folder: str | Path, kind: str) -> Index:
        """The index of the shards of `kind` in `folder`; raises `InputError` where they cannot be used."""
        path = Path(folder) / INDEX
        if not path.is_file():
            raise InputError(
                f"no shards in {folder}: {INDEX} is not there. "
                "Write them with `python -m data_prep dancers --output DIR`"
            )
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise InputError(f"{path} is not an index of shards")
        if content.get("version") != SCHEMA_VERSION:
            raise InputError(
                f"{path} has schema version {content.get('version')}, this program reads version {SCHEMA_VERSION}"
            )
        if content.get("kind") != kind:
            raise InputError(f"{path} holds {content.get('kind')!r} samples where {kind!r} samples are needed")
        try:
            index = cls(**{**content, "shards": tuple(Shard(**shard) for shard in content["shards"])})
        except (KeyError, TypeError) as error:
            raise InputError(f"{path} is not an index of shards: {error}") from error
        shards = index.shards
        for shard in shards:
            if not (Path(folder) / shard.name).is_file():
                raise InputError(f"{path} lists {shard.name}, which is not in that folder")
            if (Path(folder) / shard.name).stat().st_size != shard.num_bytes:
                raise InputError(f"{Path(folder) / shard.name} is not the {shard.num_bytes} bytes that {INDEX} lists")
        return index

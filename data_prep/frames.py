"""The pictures of a clip as raw data keeps them: a video, a folder of pictures, rows of a TSV."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

from data_prep.items import Probe
from humangen.media import decode_picture
from humangen.types import InputError

UNEVEN = 1.5  # a longest step between frames of this many shortest ones is a variable frame rate


def stamp(paths: tuple[Path, ...]) -> str:
    """Changes when one of the files does: names, sizes and times of change."""
    marks = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return hashlib.sha256(repr(marks).encode()).hexdigest()


def digest(picture: np.ndarray) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


@dataclass(frozen=True)
class VideoFrames:
    """A video file, or a `member` of a tar of them.

    Frame k is the last one shown at (k + 1/2) / fps, so that a variable frame rate comes out constant and a
    constant one unchanged. A rotation in the metadata is applied.
    """

    path: Path
    member: str | None = None

    @property
    def fingerprint(self) -> str:
        return stamp((self.path,))

    def open(self) -> av.container.InputContainer:
        try:
            if self.member is None:
                return av.open(str(self.path), "r")
            with tarfile.open(self.path) as archive:
                content = archive.extractfile(self.member)
                if content is None:
                    raise InputError(f"{self.member} in {self.path} is not a file")
                return av.open(io.BytesIO(content.read()), "r")
        except (av.FFmpegError, OSError, tarfile.TarError) as error:
            raise InputError(f"{self.path} is not a video that can be read: {error}") from error

    def probe(self) -> Probe:
        times, declared = self._times()
        if declared > len(times):
            raise InputError(f"{self.path} breaks off: {len(times)} of {declared} frames are there")
        fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
        if not 1 <= fps <= 240:
            raise InputError(
                f"{self.path} has {len(times)} frames at {fps:g} a second: not a clip of a person in motion"
            )
        steps = np.diff(times)
        notes = []
        if steps.max() > UNEVEN * max(steps.min(), 1e-6):
            notes.append(f"variable frame rate, brought to a constant {fps:.4g} a second")
        first, rotation = self._first()
        if rotation:
            notes.append(f"turned by the {rotation} degrees of its metadata")
        count = round((times[-1] - times[0]) * fps) + 1
        return Probe(fps, count, first.shape[0], first.shape[1], digest(first), tuple(notes))

    def _times(self) -> tuple[list[float], int]:
        """When each frame is shown, in seconds, and how many frames the file says it has (0: it does not say)."""
        try:
            with self.open() as container:
                if not container.streams.video:
                    raise InputError(f"{self.path} has no pictures in it")
                stream = container.streams.video[0]
                packets = container.demux(stream)
                stamps = [packet.pts for packet in packets if packet.pts is not None and not packet.is_discard]
                base, declared = stream.time_base, stream.frames
        except av.FFmpegError as error:
            raise InputError(f"{self.path} breaks off: {error}") from error
        if not stamps or base is None:
            raise InputError(f"{self.path} has no frame with a time")
        return sorted(float(stamp * base) for stamp in stamps), declared

    def _first(self) -> tuple[np.ndarray, int]:
        with self.open() as container:
            for frame in container.decode(video=0):
                return upright(frame), frame.rotation
        raise InputError(f"{self.path} has no frame that can be decoded")

    def read(self, start: int, stop: int, fps: float) -> Iterator[np.ndarray]:
        number, held = start, None
        try:
            with self.open() as container:
                stream = container.streams.video[0]
                assert stream.time_base is not None
                origin = float((stream.start_time or 0) * stream.time_base)
                if start:
                    container.seek(int((origin + start / fps) / stream.time_base), stream=stream)
                for frame in container.decode(stream):
                    assert frame.pts is not None
                    place = round((float(frame.pts * stream.time_base) - origin) * fps)
                    while held is not None and number < min(place, stop):
                        yield upright(held)
                        number += 1
                    if number >= stop:
                        return
                    held = frame
                if held is not None and number < stop:
                    yield upright(held)
                    number += 1
        except av.FFmpegError as error:
            raise InputError(f"{self.path} cannot be decoded behind frame {number}: {error}") from error
        if number < stop:
            raise InputError(f"{self.path} breaks off: frame {number} of {stop} cannot be decoded")


def upright(frame: av.VideoFrame) -> np.ndarray:
    """RGB pixels, turned as the metadata asks."""
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90))


@dataclass(frozen=True)
class Pictures:
    """Encoded pictures in order, all of one size."""

    fps: float

    def names(self) -> tuple[str, ...]:
        raise NotImplementedError

    def encoded(self, start: int, stop: int) -> Iterator[bytes]:
        raise NotImplementedError

    def probe(self) -> Probe:
        names = self.names()
        odd: Counter[str] = Counter()
        for name, data in zip(names, self.encoded(0, len(names)), strict=True):
            odd.update(oddities(data, name))
        first = next(self.read(0, 1, self.fps))
        notes = tuple(f"{count} pictures: {what}" for what, count in sorted(odd.items()))
        return Probe(self.fps, len(names), first.shape[0], first.shape[1], digest(first), notes)

    def read(self, start: int, stop: int, fps: float) -> Iterator[np.ndarray]:
        size: tuple[int, ...] | None = None
        for name, data in zip(self.names()[start:stop], self.encoded(start, stop), strict=True):
            picture = decode_picture(data, name)
            if size not in (None, picture.shape):
                raise InputError(f"{name} is {picture.shape[1]}x{picture.shape[0]}, its neighbours are not")
            size = picture.shape
            yield picture


def oddities(data: bytes, name: str) -> list[str]:
    """What is unusual about a picture file, and is put right when it is read."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            mode, kind = picture.mode, (picture.format or "").lower()
            turned = picture.getexif().get(0x0112, 1) != 1
    except Exception as error:  # PIL raises many types
        raise InputError(f"{name} is not a picture that can be read: {error}") from error
    suffix = Path(name).suffix.lower().lstrip(".").replace("jpg", "jpeg")
    found = []
    if mode in ("RGBA", "LA", "PA"):
        found.append("transparency, laid on white")
    if mode.startswith("I") or mode == "F":
        found.append("more than 8 bits, scaled")
    if turned:
        found.append("turned by its EXIF tag")
    if kind and suffix in ("png", "jpeg", "webp", "bmp") and kind != suffix:
        found.append(f"named {suffix} but is {kind}")
    return found


@dataclass(frozen=True)
class PictureFrames(Pictures):
    """A folder's pictures."""

    paths: tuple[Path, ...] = ()

    @property
    def fingerprint(self) -> str:
        return stamp(self.paths)

    def names(self) -> tuple[str, ...]:
        return tuple(str(path) for path in self.paths)

    def encoded(self, start: int, stop: int) -> Iterator[bytes]:
        return (path.read_bytes() for path in self.paths[start:stop])


@dataclass(frozen=True)
class TsvFrames(Pictures):
    """Rows of a TSV whose second column is a picture in base64; `rows` are (key, byte offset)."""

    path: Path = Path()
    rows: tuple[tuple[str, int], ...] = ()

    @property
    def fingerprint(self) -> str:
        return stamp((self.path,))

    def names(self) -> tuple[str, ...]:
        return tuple(f"row {key} of {self.path.name}" for key, _ in self.rows)

    def encoded(self, start: int, stop: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            for key, offset in self.rows[start:stop]:
                file.seek(offset)
                columns = file.readline().rstrip(b"\r\n").split(b"\t")
                try:
                    yield base64.b64decode(columns[1], validate=True)
                except (IndexError, ValueError) as error:
                    raise InputError(f"{self.path}: row {key} does not hold a picture in base64") from error

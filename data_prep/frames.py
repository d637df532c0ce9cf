"""The pictures of a clip as raw data keeps them: a video, a folder of pictures, rows of a TSV."""

from __future__ import annotations

import base64
import hashlib
import io
import math
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
ROUNDING = 0.01  # seconds by which containers round times at most: hundredths in a GIF, thousandths in Matroska


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
                return _opened(f"file:{self.path}")  # without the scheme, a name like `a:b.mp4` would begin with one
            with tarfile.open(self.path) as archive:
                content = archive.extractfile(self.member)
                if content is None:
                    raise InputError(f"{self.member} in {self.path} is not a file")
                return _opened(io.BytesIO(content.read()))
        except (av.FFmpegError, OSError, EOFError, tarfile.TarError) as error:
            raise InputError(f"{self.path} is not a video that can be read: {error}") from error

    def probe(self) -> Probe:
        times, declared = self._times()
        span = times[-1] - times[0]
        fps = frame_rate(len(times), span, declared)
        if not 1 <= fps <= 240:
            raise InputError(f"{self.path} has {len(times)} frames in {span:g} seconds: not a clip of a person in motion")
        steps = np.diff(times)
        notes = []
        if steps.max() > UNEVEN * max(steps.min(), 1e-6):
            notes.append(f"variable frame rate, brought to a constant {fps:.4g} a second")
        if rotation := self._rotation():
            notes.append(f"turned by the {rotation} degrees of its metadata")
        count = round(span * fps) + 1
        first, middle = (next(self.read(number, number + 1, fps)) for number in (0, count // 2))
        return Probe(fps, count, first.shape[0], first.shape[1], digest(first), digest(middle), tuple(notes))

    def _times(self) -> tuple[list[float], float | None]:
        """When each frame is shown, in seconds, and the frame rate that the file says it has."""
        try:
            with self.open() as container:
                if not container.streams.video:
                    raise InputError(f"{self.path} has no pictures in it")
                stream = container.streams.video[0]
                packets = [
                    (each.pts, each.is_discard, each.is_corrupt) for each in container.demux(stream) if each.pts is not None
                ]
                base, number, rate = stream.time_base, stream.frames, stream.average_rate
        except av.FFmpegError as error:
            raise InputError(f"{self.path} breaks off: {error}") from error
        if number > len(packets) or any(corrupt for _, _, corrupt in packets):
            raise InputError(f"{self.path} breaks off: {len(packets)} of {number} frames are there, or not all of each")
        # what an edit list cuts away is in the file, and not shown
        times = sorted(float(stamp * base) for stamp, discard, _ in packets if base is not None and not discard)
        if not times:
            raise InputError(f"{self.path} has no frame with a time")
        return times, float(rate) if rate else None

    def _rotation(self) -> int:
        return next(frame.rotation for _, frame in self._placed(0, 1))

    def read(self, start: int, stop: int, fps: float) -> Iterator[np.ndarray]:
        number, held = start, None
        try:
            for place, frame in self._placed(start, fps):
                while held is not None and number < min(place, stop):
                    yield upright(held)
                    number += 1
                if number >= stop:
                    return
                if frame.is_corrupt and place >= start:
                    raise InputError(f"{self.path} is damaged: frame {place} cannot be decoded whole")
                held = frame
        except av.FFmpegError as error:
            raise InputError(f"{self.path} cannot be decoded behind frame {number}: {error}") from error
        if held is not None and number < stop:
            yield upright(held)
            number += 1
        if number < stop:
            raise InputError(f"{self.path} breaks off: frame {number} of {stop} cannot be decoded")

    def _placed(self, start: int, fps: float) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decoded frames with their numbers, from one at or before `start` on.

        Behind a seek a decoder leaves out frames that lean on others before the keyframe: then it is done anew, earlier.
        """
        for early in (0, 1, 4, 16, math.inf):
            moment = max(0.0, start / fps - early)
            frames = self._decoded(moment, fps)
            first = next(frames, None)
            if moment == 0 or (first is not None and first[0] <= start):
                break
        if first is not None:
            yield first
        yield from frames

    def _decoded(self, moment: float, fps: float) -> Iterator[tuple[int, av.VideoFrame]]:
        with self.open() as container:
            stream = container.streams.video[0]
            assert stream.time_base is not None
            origin = float((stream.start_time or 0) * stream.time_base)
            # an AVI has no times of show: with B-frames, what it gives are those of decoding
            in_order = container.format.name == "avi" and stream.codec_context.has_b_frames
            if moment > 0 and not in_order:
                container.seek(int((origin + moment) / stream.time_base), stream=stream)
            for number, frame in enumerate(container.decode(stream)):
                shown = float((frame.pts or 0) * stream.time_base) - origin
                yield number if in_order else round(shown * fps), frame


def _opened(source: str | io.BytesIO) -> av.container.InputContainer:
    # a playlist that calls itself a video must not reach into the network; titles need not be UTF-8
    return av.open(source, "r", options={"protocol_whitelist": "file"}, metadata_errors="replace")


def frame_rate(count: int, span: float, declared: float | None) -> float:
    """Of `count` frames from the first to the last of which `span` seconds pass, a second; 0 where that says nothing.
    The declared rate is the exact one, if it fits."""
    if span <= 0:
        return 0.0
    if declared and abs(span - (count - 1) / declared) <= ROUNDING:
        return declared
    return (count - 1) / span


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
        first, middle = (next(self.read(number, number + 1, self.fps)) for number in (0, len(names) // 2))
        notes = tuple(f"{count} pictures: {what}" for what, count in sorted(odd.items()))
        return Probe(self.fps, len(names), first.shape[0], first.shape[1], digest(first), digest(middle), notes)

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

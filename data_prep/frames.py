"""The frames of a clip that is a video."""

from __future__ import annotations

import hashlib
import io
import math
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from data_prep.items import Probe
from humangen.types import InputError

UNEVEN = 1.5  # a longest step between frames of this many shortest ones is a variable frame rate
NEARLY_SQUARE = 0.01  # what the sides of a pixel may differ by: encoders round, and nobody sees it
LONGEST_PIXEL = 4  # widescreen film squeezed into half its width has 2
ROUNDING = 0.01  # seconds by which containers round times at most: hundredths in a GIF, thousandths in Matroska


def stamp(paths: tuple[Path, ...]) -> str:
    """Changes when one of the files does: names, sizes and times of change."""
    return hashlib.sha256(repr([_mark(path) for path in paths]).encode()).hexdigest()


def _mark(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:  # whoever reads it says so
        return path.name, -1, -1
    return path.name, status.st_size, status.st_mtime_ns


def digest(picture: np.ndarray) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


class Shown(NamedTuple):
    """A decoded frame, its number, and the width of its pixels in their heights."""

    number: int
    frame: av.VideoFrame
    aspect: Fraction

    def upright(self) -> np.ndarray:
        """RGB pixels, square ones, turned as the metadata asks."""
        pixels: np.ndarray = self.frame.to_ndarray(format="rgb24")
        if self.size != pixels.shape[1::-1]:
            pixels = cv2.resize(pixels, self.size, interpolation=cv2.INTER_CUBIC)
        return np.ascontiguousarray(np.rot90(pixels, self.frame.rotation // 90))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height with square pixels, before it is turned; never less of them than there are."""
        width, height = self.frame.width, self.frame.height
        return (round(width * self.aspect), height) if self.aspect > 1 else (width, round(height / self.aspect))

    def notes(self) -> list[str]:
        """What is put right about it."""
        found = []
        if self.aspect != 1:
            now, before = (f"{width}x{height}" for width, height in (self.size, (self.frame.width, self.frame.height)))
            ratio = f"{self.aspect.numerator}:{self.aspect.denominator}"
            found.append(f"pixels of {ratio} brought to square ones, {before} to {now}")
        if self.frame.rotation:
            found.append(f"turned by the {self.frame.rotation} degrees of its metadata")
        return found


@dataclass(frozen=True)
class VideoFrames:
    """A video file, or a `member` of a tar of them.

    Frame k is the last one shown at (k + 1/2) / fps, so that a variable frame rate comes out constant and a
    constant one unchanged. A rotation in the metadata is applied, and pixels that are not square become so.
    """

    path: Path
    member: str | None = None

    @property
    def fingerprint(self) -> str:
        return stamp((self.path,))

    def open(self, **options: str) -> av.container.InputContainer:
        try:
            if self.member is None:
                return _opened(f"file:{self.path}", options)  # or a name like `a:b.mp4` would begin with a scheme
            with tarfile.open(self.path) as archive:
                content = archive.extractfile(self.member)
                if content is None:
                    raise InputError(f"{self.member} in {self.path} is not a file")
                return _opened(io.BytesIO(content.read()), options)
        except (av.FFmpegError, OSError, EOFError, tarfile.TarError) as error:
            raise InputError(f"{self.path} is not a video that can be read: {error}") from error

    def probe(self) -> Probe:
        times, declared, lasts = self._times()
        span = times[-1] - times[0]
        fps = frame_rate(len(times), span, declared)
        if not 1 <= fps <= 240:
            raise InputError(f"{self.path} has {len(times)} frames in {span:g} seconds: not a person in motion")
        steps = np.diff(times)
        notes = []
        if steps.max() > UNEVEN * max(steps.min(), 1e-6):
            notes.append(f"variable frame rate, brought to a constant {fps:.4g} a second")
        if lasts > times[-1] + 2 / fps:
            notes.append(f"cut off: it says it lasts {lasts:.4g} seconds, its pictures end at {times[-1]:.4g}")
        notes += next(self._placed(0, 1)).notes()
        count = round(span * fps) + 1
        first, middle = (next(self.read(number, number + 1, fps)) for number in (0, count // 2))
        return Probe(fps, count, first.shape[0], first.shape[1], digest(first), digest(middle), tuple(notes))

    def _times(self) -> tuple[list[float], float | None, float]:
        """When each frame is shown, in seconds, and what the file says: its frame rate, and how long it lasts (0 where
        that says nothing of the pictures)."""
        try:
            with self.open() as container:
                if not container.streams.video:
                    raise InputError(f"{self.path} has no pictures in it")
                stream = container.streams.video[0]
                packets = [
                    (each.pts, each.is_discard, each.is_corrupt)
                    for each in container.demux(stream)
                    if each.pts is not None
                ]
                base, declared, rate = stream.time_base, stream.frames, stream.average_rate
                lasts = 0.0 if container.streams.audio else (container.duration or 0) / av.time_base
        except av.FFmpegError as error:
            raise InputError(f"{self.path} breaks off: {error}") from error
        if declared > len(packets) and declared > (there := self._count_all()):
            raise InputError(f"{self.path} breaks off: {there} of {declared} frames are there")
        if any(corrupt for _, _, corrupt in packets):
            raise InputError(f"{self.path} breaks off: not all of a frame is there")
        times = sorted(float(stamp * base) for stamp, discard, _ in packets if base is not None and not discard)
        if not times:
            raise InputError(f"{self.path} has no frame with a time")
        return times, float(rate) if rate else None, lasts

    def _count_all(self) -> int:
        """How many frames the file holds, with those that an edit list cuts away."""
        with self.open(ignore_editlist="1") as container:
            return sum(packet.size > 0 for packet in container.demux(container.streams.video[0]))

    def read(self, start: int, stop: int, fps: float) -> Iterator[np.ndarray]:
        number, held = start, None
        try:
            for shown in self._placed(start, fps):
                while held is not None and number < min(shown.number, stop):
                    yield held.upright()
                    number += 1
                if number >= stop:
                    return
                if shown.frame.is_corrupt and shown.number >= start:
                    raise InputError(f"{self.path} is damaged: frame {shown.number} cannot be decoded whole")
                held = shown
        except av.FFmpegError as error:
            raise InputError(f"{self.path} cannot be decoded behind frame {number}: {error}") from error
        if held is not None and number < stop:
            yield held.upright()
            number += 1
        if number < stop:
            raise InputError(f"{self.path} breaks off: frame {number} of {stop} cannot be decoded")

    def _placed(self, start: int, fps: float) -> Iterator[Shown]:
        """Decoded frames from one at or before `start` on.

        Behind a seek, a decoder leaves out frames that lean on others before the keyframe: it is done anew, earlier.
        """
        for early in (0, 1, 4, 16, math.inf):
            moment = max(0.0, start / fps - early)
            frames = self._decoded(moment, fps)
            first = next(frames, None)
            if moment == 0 or (first is not None and first.number <= start):
                break
        if first is not None:
            yield first
        yield from frames

    def _decoded(self, moment: float, fps: float) -> Iterator[Shown]:
        with self.open() as container:
            stream = container.streams.video[0]
            assert stream.time_base is not None
            origin = float((stream.start_time or 0) * stream.time_base)
            aspect = self._aspect(stream)
            # an AVI has no times of show: with B-frames, what it gives are those of decoding
            in_order = container.format.name == "avi" and stream.codec_context.has_b_frames
            if moment > 0 and not in_order:
                container.seek(int((origin + moment) / stream.time_base), stream=stream)
            for number, frame in enumerate(container.decode(stream)):
                shown = float((frame.pts or 0) * stream.time_base) - origin
                yield Shown(number if in_order else round(shown * fps), frame, aspect)

    def _aspect(self, stream: av.VideoStream) -> Fraction:
        """The width of a pixel in its heights, 1 where the file says nothing."""
        aspect = stream.sample_aspect_ratio or Fraction(1)
        if not 1 / LONGEST_PIXEL <= aspect <= LONGEST_PIXEL:
            raise InputError(f"{self.path} says that its pixels are {float(aspect):.3g} times as wide as high")
        return aspect if abs(aspect - 1) > NEARLY_SQUARE else Fraction(1)


def _opened(source: str | io.BytesIO, options: dict[str, str]) -> av.container.InputContainer:
    # a playlist that calls itself a video must not reach into the network; titles need not be UTF-8
    return av.open(source, "r", options={"protocol_whitelist": "file", **options}, metadata_errors="replace")


def frame_rate(count: int, span: float, declared: float | None) -> float:
    """Of `count` frames from the first to the last of which `span` seconds pass, a second; 0 where that says nothing.
    The declared rate is the exact one, if it fits."""
    if span <= 0:
        return 0.0
    if declared and abs(span - (count - 1) / declared) <= ROUNDING:
        return declared
    return (count - 1) / span

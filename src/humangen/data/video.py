"""The videos of shards, as `encode_video` writes them: short groups of pictures that need nothing from each other."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import av
import numpy as np

from humangen.types import InputError


class StoredVideo:
    """Frames by number out of the bytes of a video, decoded in this thread.

    Only the groups that hold a wanted frame are decoded, each as far as that frame, and of these not what is neither
    wanted nor predicted from. Raises `InputError` where the bytes are not a video or break off.
    """

    def __init__(self, data: bytes) -> None:
        try:
            with av.open(io.BytesIO(data), "r") as container:
                stream = container.streams.video[0]
                self._packets = [packet for packet in container.demux(stream) if packet.pts is not None]
                self.fps = float(stream.average_rate or 0)
        except (av.FFmpegError, IndexError, ValueError) as error:
            raise InputError(f"its video cannot be decoded: {getattr(error, 'strerror', None) or error}") from error
        self._decoder = stream.codec_context
        self._decoder.thread_count = 1
        self.size = stream.height, stream.width
        self._times = sorted(packet.pts for packet in self._packets if packet.pts is not None)

    def __len__(self) -> int:
        return len(self._times)

    def frames(self, numbers: Sequence[int], view: Callable[[np.ndarray], np.ndarray] | None = None) -> np.ndarray:
        """The frames, uint8 RGB (F, H, W, 3), with these numbers, in this order, or what `view` makes of each."""
        if outside := [number for number in numbers if not 0 <= number < len(self)]:
            raise InputError(f"its video has {len(self)} frames, and none with number {outside[0]}")
        places = defaultdict(list)
        for place, number in enumerate(numbers):
            places[self._times[number]].append(place)
        frames: np.ndarray | None = None
        found = set()
        for time, frame in self._decoded(set(places)):
            seen = view(frame) if view else frame
            if frames is None:
                frames = np.empty((len(numbers), *seen.shape), np.uint8)
            frames[places[time]] = seen
            found.add(time)
        missing = [number for number in numbers if self._times[number] not in found]
        if frames is None or missing:
            raise InputError(f"frame {missing[0]} of its video cannot be decoded")
        return frames

    def _decoded(self, wanted: set[int]) -> Iterator[tuple[int, np.ndarray]]:
        """(time, frame) of those that are shown at the times `wanted`."""
        try:
            for group in self._groups():
                if here := wanted.intersection(packet.pts for packet in group):
                    yield from self._decode(group, here)
        except (av.FFmpegError, ValueError) as error:
            raise InputError(f"its video cannot be decoded: {getattr(error, 'strerror', None) or error}") from error

    def _groups(self) -> Iterator[list[av.Packet]]:
        """The packets, in the order of decoding, from one keyframe to the next."""
        starts = [place for place, packet in enumerate(self._packets) if packet.is_keyframe]
        for start, stop in zip(starts, [*starts[1:], len(self._packets)], strict=True):
            yield self._packets[start:stop]

    def _decode(self, group: list[av.Packet], wanted: set[int]) -> Iterator[tuple[int, np.ndarray]]:
        """`_decoded` of one group."""
        last = max(place for place, packet in enumerate(group) if packet.pts in wanted)
        shown = []
        for packet in group[: last + 1]:
            self._decoder.skip_frame = "DEFAULT" if packet.pts in wanted else "NONREF"
            shown += self._decoder.decode(packet)
        shown += self._decoder.decode(None)
        self._decoder.flush_buffers()
        return ((frame.pts, frame.to_ndarray(format="rgb24")) for frame in shown if frame.pts in wanted)

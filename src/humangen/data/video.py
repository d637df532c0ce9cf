"""The videos of shards, as `encode_video` writes them: short groups of pictures that need nothing from each other."""

from __future__ import annotations

import io
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from humangen.types import InputError


class StoredVideo:
    """Frames by number out of the bytes of a video, decoded in this thread.

    Only the groups that hold a wanted frame are read and decoded, each as far as that frame, and of these not what is
    neither wanted nor predicted from. Raises `InputError` where the bytes are not a video or break off.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._container = av.open(io.BytesIO(data), "r")
            self._stream = self._container.streams.video[0]
            self._stream.codec_context.thread_count = 1
        except (av.FFmpegError, IndexError, ValueError) as error:
            raise InputError(f"its video cannot be decoded: {getattr(error, 'strerror', None) or error}") from error
        self.fps = float(self._stream.average_rate or 0)
        self.size = self._stream.height, self._stream.width
        entries = self._stream.index_entries
        self._length = len(entries)
        self._starts = {number: entry.timestamp for number, entry in enumerate(entries) if entry.is_keyframe}
        self._colours = VideoReformatter()

    def __len__(self) -> int:
        return self._length

    def frames(self, numbers: Sequence[int], view: Callable[[np.ndarray], np.ndarray] | None = None) -> np.ndarray:
        """The frames, uint8 RGB (F, H, W, 3), with these numbers, in this order, or what `view` makes of each."""
        if outside := [number for number in numbers if not 0 <= number < len(self)]:
            raise InputError(f"its video has {len(self)} frames, and none with number {outside[0]}")
        places = defaultdict(list)
        for place, number in enumerate(numbers):
            places[number].append(place)
        frames: np.ndarray | None = None
        found = set()
        for number, frame in self._decoded(set(places)):
            seen = view(frame) if view else frame
            if frames is None:
                frames = np.empty((len(numbers), *seen.shape), np.uint8)
            frames[places[number]] = seen
            found.add(number)
        missing = [number for number in numbers if number not in found]
        if frames is None or missing:
            raise InputError(f"frame {missing[0]} of its video cannot be decoded")
        return frames

    def _decoded(self, wanted: set[int]) -> Iterator[tuple[int, np.ndarray]]:
        """(number, frame) of those that are `wanted`."""
        try:
            for group in self._groups():
                if here := wanted.intersection(group):
                    yield from self._decode(group, here)
        except (av.FFmpegError, ValueError) as error:
            raise InputError(f"its video cannot be decoded: {getattr(error, 'strerror', None) or error}") from error

    def _groups(self) -> Iterator[range]:
        """The numbers of the frames from one keyframe to the next, which are shown one after the other too."""
        return itertools.starmap(range, itertools.pairwise([*self._starts, len(self)]))

    def _packets(self, group: range) -> list[av.Packet]:
        """The packets of a group, in the order of decoding."""
        start = self._starts[group.start]
        self._container.seek(start, stream=self._stream)  # to it, or to one before it
        found = self._container.demux(self._stream)
        behind = itertools.dropwhile(lambda packet: packet.dts is not None and packet.dts < start, found)
        packets = list(itertools.islice(behind, len(group)))
        if any(packet.pts is None for packet in packets) or len(packets) < len(group):
            raise InputError(f"its video breaks off behind frame {group.start}")
        return packets

    def _decode(self, group: range, wanted: set[int]) -> Iterator[tuple[int, np.ndarray]]:
        """`_decoded` of one group."""
        packets = self._packets(group)
        shown_at = sorted(packet.pts for packet in packets if packet.pts is not None)
        numbers: dict[int | None, int] = dict(zip(shown_at, group, strict=True))
        last = max(place for place, packet in enumerate(packets) if numbers[packet.pts] in wanted)
        decoder, shown = self._stream.codec_context, []
        for packet in packets[: last + 1]:
            decoder.skip_frame = "DEFAULT" if numbers[packet.pts] in wanted else "NONREF"
            shown += decoder.decode(packet)
        shown += decoder.decode(None)
        decoder.flush_buffers()
        for frame in shown:
            if (number := numbers.get(frame.pts)) in wanted:
                yield number, self._colours.reformat(frame, format="rgb24", threads=1).to_ndarray()

"""Clips of shards are decoded frame by frame, exactly, whatever is passed over on the way."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from humangen.data.video import StoredVideo
from humangen.media import encode_video, open_video
from humangen.types import InputError

FRAMES, HEIGHT, WIDTH = 37, 64, 96


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """A picture that wanders over a wider one, so that x264 predicts most of it."""
    coarse = np.random.default_rng(0).integers(0, 256, (9, 18, 3)).astype(np.uint8)
    wide = coarse.repeat(8, 0).repeat(8, 1)
    return np.stack([wide[number % 8 :][:HEIGHT, number : number + WIDTH] for number in range(FRAMES)])


@pytest.fixture(scope="module", params=[8, 1, 20])
def video(request: pytest.FixtureRequest, frames: np.ndarray) -> bytes:
    return encode_video(frames, 30.0, keyframe_every=request.param)


@pytest.mark.parametrize(
    "numbers", [range(FRAMES), [0], [FRAMES - 1], [20, 3, 3, 35], range(5, 30, 4), range(36, -1, -1)], ids=str
)
def test_frames_are_those_of_another_decoder(tmp_path: Path, video: bytes, numbers: list[int]) -> None:
    (tmp_path / "video.mp4").write_bytes(video)
    other = open_video(tmp_path / "video.mp4")
    stored = StoredVideo(video)
    assert len(stored) == len(other) == FRAMES
    assert stored.fps == other.fps == 30
    for _ in range(2):  # the decoder starts afresh
        np.testing.assert_array_equal(stored.frames(numbers), other.frames(numbers))


def test_without_loss_every_bit_comes_back(tmp_path: Path, frames: np.ndarray) -> None:
    video = encode_video(frames, 30.0, quality=0)
    np.testing.assert_array_equal(StoredVideo(video).frames(range(FRAMES)), frames)
    (tmp_path / "video.mp4").write_bytes(video)
    np.testing.assert_array_equal(open_video(tmp_path / "video.mp4").frames([30, 7]), frames[[30, 7]])


def test_what_nobody_wants_is_not_decoded(frames: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, taken = StoredVideo(encode_video(frames, 30.0)), []
    groups = list(stored._groups())
    monkeypatch.setattr(stored, "_decode", lambda group, wanted: taken.append(groups.index(group)) or [])
    with pytest.raises(InputError, match="frame 9 of its video cannot be decoded"):
        stored.frames([9, 26])
    assert taken == [1, 3]


def test_no_packet_of_other_groups_is_kept_and_a_group_that_breaks_off_is_told(
    frames: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = StoredVideo(encode_video(frames, 30.0))
    groups = list(stored._groups())
    for group in reversed(groups):
        packets = stored._packets(group)
        assert [packet.is_keyframe for packet in packets] == [True] + [False] * (len(group) - 1)
        assert sorted(packet.pts for packet in packets) == [512 * number for number in group]
    last = groups[-1]
    monkeypatch.setattr(stored, "_groups", lambda: iter([range(last.start, last.stop + 1)]))
    with pytest.raises(InputError, match=f"breaks off behind frame {last.start}"):
        stored.frames([last.start])


def test_groups_are_as_short_as_the_encoder_was_told(frames: np.ndarray) -> None:
    assert [len(group) for group in StoredVideo(encode_video(frames, 30.0))._groups()] == [8, 8, 8, 8, 5]


def test_a_number_that_is_not_there_is_named(video: bytes) -> None:
    for number in (FRAMES, -1):
        with pytest.raises(InputError, match=f"has 37 frames, and none with number {number}"):
            StoredVideo(video).frames([0, number])


@pytest.mark.parametrize("kind", ["cut", "text", "empty", "sound", "overwritten"])
def test_what_is_no_video_is_an_input_error(video: bytes, kind: str) -> None:
    middle = len(video) // 2
    contents = {"cut": video[:middle], "text": b"not a video", "empty": b"", "sound": _sound(),
                "overwritten": video[:60] + bytes(middle) + video[60 + middle :]}  # fmt: skip
    with pytest.raises(InputError, match="its video"):
        StoredVideo(contents[kind]).frames([0, 5])


def _sound() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    return buffer.getvalue()

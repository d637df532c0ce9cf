"""Videos as people have them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from humangen.media import encode_video, open_video, write_video
from humangen.types import InputError
from tests.unit.tiny import REAL


def colours(height: int = 24, width: int = 36) -> np.ndarray:
    """A smooth picture whose corners all differ."""
    rows, columns = np.indices((height, width))
    return np.stack([rows * 255 // height, columns * 255 // width, 255 - rows * 255 // height], -1).astype(np.uint8)


def moving(height: int, width: int, frames: int = 6) -> np.ndarray:
    return np.stack([np.roll(colours(height, width), 3 * frame, 1) for frame in range(frames)])


@pytest.mark.parametrize(("height", "width"), [(64, 48), (65, 95), (33, 64), (64, 72)])
@pytest.mark.parametrize("fps", [8.0, 29.97])
def test_a_video_comes_back(tmp_path: Path, height: int, width: int, fps: float) -> None:
    frames = moving(height, width)
    write_video(tmp_path / "video.mp4", frames, fps)
    video = open_video(tmp_path / "video.mp4")
    assert len(video) == len(frames)
    assert video.fps == pytest.approx(fps, rel=1e-3)
    numbers = [4, 0, 4, 2]
    read = video.frames(numbers)
    assert read.shape == (4, height + height % 2, width + width % 2, 3)
    assert np.abs(read[:, :height, :width] - frames[numbers].astype(int)).mean() < 8


ENCODED = """
import hashlib, numpy as np
from humangen.media import encode_video
numbers = np.random.default_rng(0)
for height, width in ((96, 64), (200, 150), (200, 192), (128, 128), (1024, 576)):
    frames = numbers.integers(0, 256, (12, height // 8, width // 8 + 1, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    print(hashlib.sha256(encode_video(frames[:, :, :width], 30)).hexdigest())
"""


def test_the_same_frames_give_the_same_bytes_whatever_was_in_memory() -> None:
    """With its macroblock tree, x264 reads memory that nothing was written to; the C library fills it here."""
    encoded = [
        subprocess.run(
            [sys.executable, "-c", ENCODED],
            env={**os.environ, "MALLOC_PERTURB_": filled},
            capture_output=True,
            check=True,
        ).stdout
        for filled in ("0", "170")
    ]
    assert encoded[0] == encoded[1]
    assert len(encoded[0].split()) == 5


def test_a_video_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="at least one frame"):
        encode_video([], 8.0)


@pytest.mark.parametrize("kind", ["cut", "text", "empty", "absent"])
def test_what_is_no_video_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "video.mp4"
    whole = encode_video(moving(32, 32), 8.0)
    contents = {"cut": whole[: len(whole) // 2], "text": b"not a video", "empty": b""}
    if kind == "absent":
        with pytest.raises(InputError, match=r"no video at .*video\.mp4"):
            open_video(path)
        return
    path.write_bytes(contents[kind])
    with pytest.raises(InputError, match=r"video\.mp4"):
        open_video(path).frames([0, 5])


def test_frames_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    write_video(tmp_path / "video.mp4", moving(32, 32), 8.0)
    with pytest.raises(InputError, match=r"video\.mp4"):
        open_video(tmp_path / "video.mp4").frames([6])


@pytest.mark.skipif(not REAL.is_dir(), reason="no real videos here")
def test_real_pose_videos_are_read() -> None:
    sizes = {}
    for path in sorted((REAL / "pose_videos").glob("*.mp4")):
        video = open_video(path)
        sizes[path.name] = (len(video), *video.frames([0, len(video) - 1]).shape[1:3])
    assert sizes == {"anyone-video-1_kps.mp4": (200, 704, 512), "anyone-video-2_kps.mp4": (136, 768, 512)}

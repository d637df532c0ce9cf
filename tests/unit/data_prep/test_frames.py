"""Videos are read as they play: every frame in its place, upright, at a constant rate, wherever reading begins."""

from __future__ import annotations

import struct
import tarfile
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.frames import VideoFrames
from humangen.media import open_video
from humangen.types import InputError
from tests.unit.data_prep.drawn import number_of, picture, pictures, psnr, video

NTSC = Fraction(30000, 1001)
HEVC = {"x265-params": "log-level=none:keyint=8:open-gop=1"}
OPEN = {"x264-params": "open-gop=1:bframes=3:keyint=8"}
KINDS = {
    "closed.mp4": ("libx264", {"g": "8", "bf": "2"}),
    "open.mkv": ("libx264", OPEN),
    "refresh.mp4": ("libx264", {"x264-params": "intra-refresh=1:keyint=8"}),
    "bframes.avi": ("libx264", {}),
    "old.avi": ("mpeg4", {"b": "4000000"}),
    "open.mov": ("libx265", HEVC),
    "vp9.webm": ("libvpx-vp9", {"b": "0", "g": "8"}),
    "av1.mp4": ("libsvtav1", {"preset": "12"}),
    "lossless.mkv": ("ffv1", {}),
    "palette.gif": ("gif", {}),
}
TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def numbers(frames: VideoFrames, start: int, stop: int, fps: float) -> list[int]:
    return [number_of(pixels) for pixels in frames.read(start, stop, fps)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_codec_gives_its_frames_in_order(tmp_path: Path, kind: str) -> None:
    codec, options = KINDS[kind]
    # smaller pictures make x265 write beyond its memory
    drawn, fps = pictures(26, 128, 96), 25 if kind.endswith("gif") else NTSC
    pixels = "rgb8" if kind.endswith("gif") else "yuv420p"
    frames = VideoFrames(video(tmp_path / kind, drawn, fps=fps, codec=codec, options=options, pixels=pixels))
    probed = frames.probe()
    assert (probed.num_frames, probed.height, probed.width, probed.notes) == (26, 128, 96, ())
    assert probed.fps == pytest.approx(float(fps), abs=1e-9)
    read = list(frames.read(0, 26, probed.fps))
    assert [number_of(each) for each in read] == list(range(26))
    if not kind.endswith("gif"):
        assert min(psnr(one, other) for one, other in zip(read, drawn, strict=True)) > 35
    for start in (1, 6, 7, 8, 9, 15, 23, 25):  # on both sides of keyframes
        part = list(frames.read(start, min(26, start + 3), probed.fps))
        np.testing.assert_array_equal(part, read[start : start + 3], err_msg=f"from {start}")


def patched(path: Path, box: bytes, offset: int, values: bytes) -> Path:
    """Writes `values` `offset` bytes behind the name of an mp4 box."""
    data = bytearray(path.read_bytes())
    place = data.index(box) + 4 + offset
    data[place : place + len(values)] = values
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("turn", TURNS)
def test_metadata_turns_pictures_as_players_do(tmp_path: Path, turn: int) -> None:
    a, b, c, d = TURNS[turn]
    matrix = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    frames = VideoFrames(patched(video(tmp_path / "a.mp4", pictures(4)), b"tkhd", 40, matrix))
    probed, read = frames.probe(), list(frames.read(0, 4, 30))
    shown = open_video(frames.path).frames(range(4))
    np.testing.assert_array_equal(read, shown)  # decord turns them
    assert psnr(read[1], np.rot90(picture(1), -turn // 90)) > 35
    assert (probed.height, probed.width) == shown.shape[1:3]
    assert "turned by" in probed.notes[0]


@pytest.mark.parametrize("kind", ["a.mp4", "a.mkv", "a.avi"])
@pytest.mark.parametrize(("aspect", "height", "width"), [("4/3", 64, 64), ("1/2", 128, 48), ("300/301", 64, 48)])
def test_pixels_become_square_as_players_show_them(
    tmp_path: Path, kind: str, aspect: str, height: int, width: int
) -> None:
    frames = VideoFrames(video(tmp_path / kind, pictures(4), pixel_aspect=Fraction(aspect)))
    probed, read = frames.probe(), list(frames.read(0, 4, 30))
    assert {one.shape for one in read} == {(height, width, 3)} == {(probed.height, probed.width, 3)}
    assert [number_of(one) for one in read] == list(range(4))
    wanted = cv2.resize(picture(1), (width, height), interpolation=cv2.INTER_CUBIC)
    assert psnr(read[1], wanted) > 30
    said = f"pixels of {aspect.replace('/', ':')} brought to square ones, 48x64 to {width}x{height}"
    assert probed.notes == (() if (height, width) == (64, 48) else (said,))


def test_wide_pixels_of_a_turned_video_stand_upright(tmp_path: Path) -> None:
    matrix = struct.pack(">9i", *(number << 16 for number in (0, 1, 0, -1, 0, 0, 0, 0)), 1 << 30)
    path = patched(video(tmp_path / "a.mp4", pictures(4), pixel_aspect=Fraction(2)), b"tkhd", 40, matrix)
    probed = VideoFrames(path).probe()
    assert (probed.height, probed.width) == (96, 64)
    assert len(probed.notes) == 2


def test_absurd_pixels_are_refused(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", pictures(4), pixel_aspect=Fraction(20))
    with pytest.raises(InputError, match=r"a\.mp4 says that its pixels are 20 times as wide as high"):
        VideoFrames(path).probe()


def test_what_an_edit_list_cuts_away_is_not_read(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", pictures(30), options={"g": "10"})
    place = path.read_bytes().index(b"elst") + 16
    start = struct.unpack(">i", path.read_bytes()[place : place + 4])[0]
    ticks = struct.unpack(">I", path.read_bytes()[path.read_bytes().index(b"mdhd") + 16 :][:4])[0]
    frames = VideoFrames(patched(path, b"elst", 8, struct.pack(">Ii", 500, start + 7 * ticks // 30)))
    probed = frames.probe()
    assert numbers(frames, 0, probed.num_frames, probed.fps) == list(range(7, 22))
    assert numbers(frames, 9, 12, probed.fps) == [16, 17, 18]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_variable_frame_rate_comes_out_constant(tmp_path: Path, ending: str) -> None:
    times = np.cumsum(np.random.default_rng(3).uniform(0.02, 0.06, 40)).round(3)
    times -= times[0]
    times[25:] += 0.5
    frames = VideoFrames(video(tmp_path / f"a.{ending}", pictures(40), times=times.tolist()))
    probed = frames.probe()
    assert "variable frame rate" in probed.notes[0]
    assert (probed.num_frames - 1) / probed.fps == pytest.approx(times[-1], abs=0.02)
    shown = [int(np.flatnonzero(times <= (place + 0.5) / probed.fps)[-1]) for place in range(probed.num_frames)]
    assert numbers(frames, 0, probed.num_frames, probed.fps) == shown
    for start in (1, 20, 30):
        assert numbers(frames, start, start + 5, probed.fps) == shown[start : start + 5]


def test_colours_are_those_of_the_source(tmp_path: Path) -> None:
    for number, (matrix, span) in enumerate([("bt709", "tv"), ("bt709", "pc"), ("smpte170m", "tv")]):
        options = {"x264-params": f"colormatrix={matrix}:fullrange={'on' if span == 'pc' else 'off'}"}
        path = video(tmp_path / f"{number}.mp4", pictures(2), options=options)
        np.testing.assert_array_equal(list(VideoFrames(path).read(0, 2, 30)), open_video(path).frames([0, 1]))


BROKEN = {
    "tail": lambda data: data[: len(data) * 2 // 3],
    "at a frame": lambda data: data[:-1],
    "head": lambda data: data[400:],
    "empty": lambda data: b"",
    "words": lambda data: b"this is no video\n" * 50,
    "playlist": lambda data: b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_named(tmp_path: Path, kind: str) -> None:
    path = video(tmp_path / "a.mp4", pictures(20), container={"movflags": "faststart"})
    path.write_bytes(BROKEN[kind](path.read_bytes()))
    with pytest.raises(InputError, match=r"a\.mp4"):
        VideoFrames(path).probe()


def test_a_damaged_frame_is_no_picture(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 60, (20, 64, 48, 1))
    drawn = [(one // 2 + other).astype(np.uint8) for one, other in zip(pictures(20), noise, strict=True)]
    path = video(tmp_path / "a.mp4", drawn, options={"g": "10"})
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 2000] = bytes(2000)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.mp4 (is damaged|cannot be decoded)"):
        list(VideoFrames(path).read(0, 20, 30))


def test_any_name_and_any_title_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = video(tmp_path / "dance: one %d?.mp4", pictures(3))
    monkeypatch.chdir(tmp_path)
    assert VideoFrames(Path(path.name)).probe().num_frames == 3
    patched(path, b"vide", 12, b"\xe9\xff\xfe")  # its handler's name is no UTF-8
    assert VideoFrames(path).probe().num_frames == 3


def test_a_member_of_a_tar_is_read_as_the_file(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", pictures(5))
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(path, "deep/a.mp4")
    inside = VideoFrames(tmp_path / "a.tar", "deep/a.mp4")
    assert inside.probe() == VideoFrames(path).probe()
    np.testing.assert_array_equal(list(inside.read(2, 5, 30)), list(VideoFrames(path).read(2, 5, 30)))

"""Raw data drawn for a test, pictures that say their number, in videos and folders; and what was made of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from data_prep.__main__ import main
from humangen.data.index import Index
from humangen.data.schema import ClipRecord, decode_clip
from humangen.data.stream import Shelf, evaluation_samples
from humangen.pose.layouts import from_coco17

BITS = 8
# COCO's 17 in units of the picture: nose, eyes, ears, then arms and legs, left before right
JOINTS = np.array(
    [(0.5, 0.2), (0.53, 0.18), (0.47, 0.18), (0.56, 0.19), (0.44, 0.19), (0.6, 0.35), (0.4, 0.35), (0.7, 0.5),
     (0.3, 0.5), (0.75, 0.62), (0.25, 0.62), (0.57, 0.6), (0.43, 0.6), (0.58, 0.75), (0.42, 0.75), (0.58, 0.9),
     (0.42, 0.9)]
)  # fmt: skip


def picture(number: int, height: int = 64, width: int = 48, *, seed: int = 0) -> np.ndarray:
    """RGB pixels (H, W, 3) whose upper third shows `number` as a row of dark and light blocks; `seed` is the shot."""
    down, along = np.mgrid[:height, :width]
    hue = np.random.default_rng(seed).uniform(60, 190, 3)
    pixels = hue + np.stack([40 * down / height, 40 * along / width, -40 * down / height], axis=-1)
    block = along[0] * BITS // width
    light = (number >> block) & 1
    pixels[: height // 6 * 2] = np.where(light, 215, 40)[None, :, None]
    return pixels.round().clip(0, 255).astype(np.uint8)


def number_of(pixels: np.ndarray) -> int:
    height, width = pixels.shape[:2]
    blocks = [pixels[height // 6, int((bit + 0.5) * width / BITS)].mean() > 128 for bit in range(BITS)]
    return sum(1 << bit for bit, light in enumerate(blocks) if light)


def pictures(count: int, height: int = 64, width: int = 48, *, seed: int = 0) -> list[np.ndarray]:
    return [picture(number, height, width, seed=seed) for number in range(count)]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def video(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    fps: Fraction | int = 30,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: Sequence[float] | None = None,
    pixel_aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
) -> Path:
    """A video of high quality; `times` in seconds give it a variable frame rate, `pixel_aspect` wide or high pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=container or {}) as file:
        stream = file.add_stream(codec, rate=Fraction(fps))
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], pixels
        stream.options = {"crf": "6", **(options or {})}
        stream.codec_context.thread_count = 1
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, drawn in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(drawn, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[number] * 1000), Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def joints(number: int, height: int, width: int) -> np.ndarray:
    """17 joints (x, y in pixels, score) that move with the number of the frame."""
    places = (JOINTS + [0.004 * (number % 10), 0]) * [width, height]
    return np.column_stack([places.round(), np.full(len(places), 0.9)])


def mask(number: int, height: int, width: int) -> np.ndarray:
    """The box of the joints, 255 where she is."""
    places = joints(number, height, width)[:, :2].astype(int)
    (left, top), (right, bottom) = places.min(0), places.max(0)
    drawn = np.zeros((height, width), np.uint8)
    drawn[top : bottom + 1, left : right + 1] = 255
    return drawn


def clip_folder(folder: Path, count: int, height: int = 64, width: int = 48, *, seed: int = 0) -> Path:
    """A clip in the form of DisCo's folders: pictures, poses and masks."""
    for part in ("groundsam", "openpose_json"):
        (folder / part).mkdir(parents=True)
    for number in range(count):
        name = f"{number + 1:06d}.png"
        Image.fromarray(picture(number, height, width, seed=seed)).save(folder / name)
        Image.fromarray(mask(number, height, width)).save(folder / "groundsam" / f"{name}.mask.png")
        people = [{"keypoints": joints(number, height, width).tolist()}]
        (folder / "openpose_json" / f"{name}.json").write_text(json.dumps(people))
    return folder


class DrawnEstimator:
    """Finds the same person in every picture."""

    name = "drawn"

    def people(self, picture: np.ndarray) -> np.ndarray:
        return np.array([[*JOINTS.min(0), *JOINTS.max(0), 0.9]], np.float32)

    def keypoints(self, picture: np.ndarray, box: np.ndarray) -> np.ndarray:
        return from_coco17(np.column_stack([JOINTS, np.full(len(JOINTS), 0.9)]))


@pytest.fixture
def drawn_poses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network runs: whoever asks for an estimator gets the drawn one."""
    monkeypatch.setattr("data_prep.clips.estimator_of", lambda name, models: DrawnEstimator())


def prepare(source: str, raw: Path, output: Path | str, *more: str) -> int:
    """The exit code of the command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["data_prep", source, "--input", str(raw), "--output", str(output), *more])
        return main()


def records(output: Path, split: str = "train") -> list[ClipRecord]:
    index = Index.load(output / split, "animation")
    return [decode_clip(sample) for sample in evaluation_samples(Shelf(output / split, index))]


def ledger(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "ledger.jsonl").read_text().splitlines()]


def contents(folder: Path) -> dict[str, str]:
    """The sha256 of every file but for those in .prep."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".prep" not in path.parts
    }


def times(folder: Path) -> dict[str, int]:
    """When each file was written."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(capsys: pytest.CaptureFixture, source: str, raw: Path, output: Path | str, *more: str) -> str:
    """The one sentence with which the command ends."""
    capsys.readouterr()
    assert prepare(source, raw, output, *more) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line

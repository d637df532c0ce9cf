"""Raw data drawn for a test: pictures that say their number, in videos and folders of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS = 8
JOINTS = np.array(  # COCO's 17 in units of the picture: nose, eyes, ears, then arms and legs, left before right
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


def pictures(count: int, height: int = 64, width: int = 48, *, seed: int = 0, first: int = 0) -> list[np.ndarray]:
    return [picture(first + number, height, width, seed=seed) for number in range(count)]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def video(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    fps: Fraction | int = 30,
    codec: str = "libx264",
    times: Sequence[float] | None = None,
    options: dict[str, str] | None = None,
    pixels: str = "yuv420p",
) -> Path:
    """A video by PyAV of near-lossless quality; `times` in seconds make it one of a variable frame rate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    base = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps))
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], pixels
        stream.options = {"crf": "6", **(options or {})}
        stream.codec_context.thread_count = 1
        if times is not None:
            stream.codec_context.time_base = base
        for number, pixels_ in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels_, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[number] / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path

"""Pictures and videos in files. At this edge pixels are uint8 RGB, (H, W, 3) or (F, H, W, 3)."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from humangen.types import InputError

PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
VIDEO_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif"}
# without the macroblock tree, which reads memory that nothing was written to
X264 = {"preset": "fast", "tune": "fastdecode", "mbtree": "0"}


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, for a file or a folder, that takes its name when the block ends well, and is gone
    when it does not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)


def read_picture(path: str | Path) -> np.ndarray:
    """An RGB picture (H, W, 3), upright by its EXIF tag, transparency laid on white, 16-bit grey scaled to 8."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no picture at {path}")
    return decode_picture(path.read_bytes(), str(path))


def decode_picture(data: bytes, name: str) -> np.ndarray:
    """`read_picture` of the bytes of a file; `name` is for the error."""
    picture = decode_transparent(data, name)
    return np.asarray(Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB"))


def decode_transparent(data: bytes, name: str) -> Image.Image:
    """The same in mode RGBA."""
    with open_picture(data, name) as opened:
        picture = ImageOps.exif_transpose(opened)
        if picture.mode.startswith("I") or picture.mode == "F":
            values = np.asarray(picture, np.float32)
            scale = 257 if values.max() > 255 else 1
            picture = Image.fromarray((values / scale).clip(0, 255).astype(np.uint8))
        return picture.convert("RGBA")


@contextmanager
def open_picture(data: bytes, name: str) -> Iterator[Image.Image]:
    """PIL's picture of the bytes of a file; raises `InputError` for what is not, or breaks off when it is read."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            yield opened
    except Exception as error:  # PIL raises many types; where it knows no format, its message is a buffer's address
        reason = "no known format" if isinstance(error, UnidentifiedImageError) else error
        raise InputError(f"{name} is not a picture that can be read: {reason}") from error


def decode_labels(data: bytes, name: str = "label picture") -> np.ndarray:
    """The numbers (H, W), uint8, of a label map: palette indices, not colours; of one in colour, the first channel."""
    with open_picture(data, name) as opened:
        values = np.asarray(opened)
    return (values if values.ndim == 2 else values[..., 0]).astype(np.uint8)


def has_alpha(opened: Image.Image) -> bool:
    return opened.mode.endswith("A") or "transparency" in opened.info


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their names; none where the folder is not there."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith("."))


def picture_format(data: bytes) -> str:
    """`jpg` or `png`, by the first bytes of a file."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data.startswith(b"\x89PNG"):
        return "png"
    raise InputError("a stored picture must be JPEG or PNG")


def encode_picture(picture: np.ndarray) -> bytes:
    """PNG bytes of uint8 (H, W) or (H, W, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png")
    return buffer.getvalue()


def write_picture(path: str | Path, picture: np.ndarray) -> None:
    with replacing(path) as temporary:
        Image.fromarray(picture).save(temporary)


def fit_box(source: tuple[int, int], height: int, width: int) -> tuple[int, int, int, int]:
    """Where a picture of `source` (height, width) comes to lie when it is scaled to fit into height x width, aspect
    kept and centred: top, left, height, width in pixels."""
    scale = min(height / source[0], width / source[1])
    box = max(1, round(source[0] * scale)), max(1, round(source[1] * scale))
    return (height - box[0]) // 2, (width - box[1]) // 2, *box


def fit_picture(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """`picture` brought into its `fit_box`, the rest filled with its border colour."""
    top, left, box_height, box_width = fit_box(picture.shape[:2], height, width)
    interpolation = cv2.INTER_AREA if box_height < picture.shape[0] else cv2.INTER_CUBIC
    resized = cv2.resize(picture, (box_width, box_height), interpolation=interpolation)
    bottom, right = height - box_height - top, width - box_width - left
    return cv2.copyMakeBorder(resized, top, bottom, left, right, cv2.BORDER_REPLICATE)


def encode_video(frames: Iterable[np.ndarray], fps: float, *, quality: int = 12, keyframe_every: int = 8) -> bytes:
    """H.264 mp4 bytes of `frames`, constant rate factor `quality` (0 gives every bit back, 51 is worst), sides even.
    The same frames give the same bytes, and decode in two fifths of the time that x264's defaults take."""
    buffer = io.BytesIO()
    _encode(buffer, frames, fps, quality, keyframe_every)
    return buffer.getvalue()


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """`encode_video` into a file, frame by frame as they come."""
    with replacing(path) as temporary:
        _encode(str(temporary), frames, fps, quality=12, keyframe_every=8)


def _encode(
    target: str | io.BytesIO, frames: Iterable[np.ndarray], fps: float, quality: int, keyframe_every: int
) -> None:
    codec, pixels = ("libx264", "yuv420p") if quality else ("libx264rgb", "rgb24")
    with av.open(target, "w", format="mp4") as container:
        stream = None
        for frame in frames:
            frame = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")
            if stream is None:
                stream = cast(av.VideoStream, container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001)))
                stream.height, stream.width, stream.pix_fmt = frame.shape[0], frame.shape[1], pixels
                stream.options = {**X264, "crf": str(quality), "g": str(keyframe_every)}
                stream.codec_context.thread_count = 1  # or the bytes depend on who comes first
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        if stream is None:
            raise InputError("a video needs at least one frame")
        container.mux(stream.encode())


def open_video(path: str | Path) -> VideoReader:
    """A decord reader on anybody's video file. Open it in the process that reads from it."""
    import decord  # not on every platform, and only where videos are read

    if not Path(path).is_file():
        raise InputError(f"no video at {path}")
    try:
        return VideoReader(decord.VideoReader(str(path), num_threads=1), str(path))
    except (RuntimeError, decord.DECORDError) as error:
        raise InputError(f"{path} cannot be decoded: {str(error).splitlines()[0]}") from error


class VideoReader:
    """Frames of one video by number."""

    def __init__(self, reader: Any, name: str) -> None:
        self._reader, self.name = reader, name

    def __len__(self) -> int:
        return len(self._reader)

    @property
    def fps(self) -> float:
        return float(self._reader.get_avg_fps())

    def _padded(self, number: int) -> np.ndarray:
        """One frame where decord takes the padding of its rows for a fourth channel."""
        rows = self._reader[number].asnumpy()
        height, width = rows.shape[:2]
        return rows.reshape(height, -1)[:, : 3 * width].reshape(height, width, 3)

    def frames(self, numbers: Sequence[int]) -> np.ndarray:
        """The frames (F, H, W, 3) with these numbers, in this order; decoding goes forward only."""
        wanted = sorted(set(numbers))
        try:
            try:
                decoded = self._reader.get_batch(wanted).asnumpy()
            except Exception as error:
                if "must exactly match" not in str(error):
                    raise
                decoded = np.stack([self._padded(number) for number in wanted])
        except Exception as error:  # decord raises several unrelated types on truncated files
            raise InputError(f"{self.name} cannot be decoded: {str(error).splitlines()[0]}") from error
        places = {number: place for place, number in enumerate(wanted)}
        return decoded[[places[number] for number in numbers]]


def to_tensor(pixels: np.ndarray) -> Tensor:
    """uint8 (..., H, W, 3) -> float (..., 3, H, W) in [-1, 1]."""
    return floats(torch.from_numpy(np.require(pixels, requirements=["C", "W"])))


def floats(pixels: Tensor) -> Tensor:
    """`to_tensor` of a tensor."""
    return pixels.movedim(-1, -3).float().div_(127.5).sub_(1)  # in place: the memory is what takes the time


def to_uint8(pixels: Tensor) -> np.ndarray:
    """Float (..., 3, H, W) in [-1, 1] -> uint8 (..., H, W, 3)."""
    rounded = ((pixels.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return rounded.movedim(-3, -1).cpu().numpy()


def contact_sheet(rows: Sequence[Sequence[np.ndarray]], *, gap: int = 4) -> np.ndarray:
    """Pictures of one size (H, W, 3) laid out in rows on white."""
    height, width = rows[0][0].shape[:2]
    columns = max(map(len, rows))
    sheet = np.full((len(rows) * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            top, left = gap + y * (height + gap), gap + x * (width + gap)
            sheet[top : top + height, left : left + width] = picture
    return sheet


def gif(frames: np.ndarray, fps: float) -> bytes:
    """An endless animated GIF of `frames` (F, H, W, 3)."""
    pictures = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=round(1000 / fps), loop=0)
    return buffer.getvalue()

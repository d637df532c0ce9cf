"""What frozen networks made of a clip's frames beforehand: `key.latents.safetensors`, all float16.

`mean` (2, F, C, h, w) is what the codec encodes the frames to, brought to the size that the index names by a `Framing`
that draws nothing: as they are, and mirrored. `logvar`, of the same shape, where the codec has a variance; `tokens`
(2, F, N, D) where an image encoder was given.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache

import numpy as np
from safetensors.torch import save
from torch import Tensor

from humangen.data.tars import Read, Stored
from humangen.types import InputError

Layout = dict[str, tuple[list[int], int]]  # shape and first byte of each tensor
HEADER = 1024  # bytes from the beginning that hold the header of what is written here


def encode_latents(**tensors: Tensor) -> bytes:
    """The member that holds `tensors`, (2, F, ...) each."""
    return save({name: value.half().contiguous() for name, value in tensors.items()})


def read_latents(member: Stored, wanted: dict[str, list[int]], length: int, mirrored: bool) -> dict[str, np.ndarray]:
    """Of each tensor `wanted` its frames of these numbers, float16 (frames, ...), out of a clip of `length` frames; the
    rest is not read. Raises `InputError` where the member is broken or of another length."""
    with member.opened() as read:
        layout = _layout(read, member.size)
        return {name: _frames(read, layout, name, frames, length, mirrored) for name, frames in wanted.items()}


def _frames(read: Read, layout: Layout, name: str, frames: list[int], length: int, mirrored: bool) -> np.ndarray:
    if name not in layout:
        raise InputError(f"its latents have no {name}")
    shape, start = layout[name]
    if shape[:2] != [2, length]:
        raise InputError(f"{length} frames of keypoints but latents of shape {shape}")
    size = 2 * math.prod(shape[2:])
    first = start + mirrored * length * size
    pieces = read([(first + frame * size, first + (frame + 1) * size) for frame in frames])
    return np.frombuffer(bytearray().join(pieces), np.float16).reshape(len(frames), *shape[2:])


def _layout(read: Read, member_size: int) -> Layout:
    """From the header of a safetensors file: its length, then JSON."""
    (head,) = read([(0, min(HEADER, member_size))])
    try:
        return _parsed(head[: 8 + int.from_bytes(head[:8], "little")], member_size)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"its latents cannot be read: {error!r}") from error


@lru_cache(maxsize=256)
def _parsed(header: bytes, member_size: int) -> Layout:
    """Clips of one length have the same header."""
    layout = {}
    for name, entry in json.loads(header[8:]).items():
        start, stop = (len(header) + offset for offset in entry["data_offsets"])
        if entry["dtype"] != "F16" or stop - start != 2 * math.prod(entry["shape"]) or stop > member_size:
            raise ValueError(f"{name} is said to be {entry}")
        layout[name] = entry["shape"], start
    return layout

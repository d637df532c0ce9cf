"""What frozen networks made of a clip's frames beforehand: `key.latents.safetensors`, all float16.

`mean` (2, F, C, h, w) is what the codec encodes the frames to, brought to the size that the index names by a `Framing`
that draws nothing: as they are, and mirrored. `logvar`, of the same shape, where the codec has a variance; `tokens`
(2, F, N, D) where an image encoder was given.
"""

from __future__ import annotations

import json
import math

import numpy as np
from safetensors.torch import save
from torch import Tensor

from humangen.data.stream import Stored
from humangen.types import InputError

HEADER = 1024  # bytes from the beginning that hold the header of what is written here


def encode_latents(**tensors: Tensor) -> bytes:
    """The member that holds `tensors`, (2, F, ...) each."""
    return save({name: value.half().contiguous() for name, value in tensors.items()})


def read_latents(member: Stored, name: str, length: int, frames: list[int], mirrored: bool) -> np.ndarray:
    """The tensor `name` at these frames of a clip of `length` frames, float16 (len(frames), ...); the rest is not
    read. Raises `InputError` where the member is broken or of another length."""
    try:
        shape, start = _layout(member)[name]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"its latents have no {name} that can be read: {error!r}") from error
    if shape[:2] != [2, length]:
        raise InputError(f"{length} frames of keypoints but latents of shape {shape}")
    size = 2 * math.prod(shape[2:])
    first = start + mirrored * length * size
    pieces = member.read([(first + frame * size, first + (frame + 1) * size) for frame in frames])
    return np.frombuffer(bytearray().join(pieces), np.float16).reshape(len(frames), *shape[2:])


def _layout(member: Stored) -> dict[str, tuple[list[int], int]]:
    """Shape and first byte of each tensor, from the header of a safetensors file: its length, then JSON."""
    (head,) = member.read([(0, min(HEADER, member.size))])
    begin = 8 + int.from_bytes(head[:8], "little")
    layout = {}
    for name, entry in json.loads(head[8:begin]).items():
        start, stop = (begin + offset for offset in entry["data_offsets"])
        if entry["dtype"] != "F16" or stop - start != 2 * math.prod(entry["shape"]) or stop > member.size:
            raise ValueError(f"{name} is said to be {entry}")
        layout[name] = entry["shape"], start
    return layout

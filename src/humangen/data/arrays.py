"""Arrays as the bytes of an .npz, and back."""

from __future__ import annotations

import io
import zipfile
from functools import lru_cache

import numpy as np


def pack_arrays(**arrays: np.ndarray) -> bytes:
    """The bytes of an .npz. Keypoints hardly shrink, and to inflate a clip's takes longer than all else that is done
    for a pair of its frames."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def compress_arrays(**arrays: np.ndarray | int) -> bytes:
    """The bytes of a compressed .npz."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack_arrays(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of the bytes of an .npz; nothing is unpickled."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:  # np.load reads a member in many small pieces
        return {name.removesuffix(".npy"): _array(archive.read(name)) for name in archive.namelist()}


def _array(member: bytes) -> np.ndarray:
    """The array of the bytes of an .npy; raises `ValueError` where they are none."""
    begin = 10 + int.from_bytes(member[8:10], "little")  # of magic, version and this length, all of version 1.0
    shape, fortran, dtype = _header(member[:begin])
    return np.frombuffer(bytearray(member), dtype, offset=begin).reshape(shape, order="F" if fortran else "C")


@lru_cache(maxsize=256)
def _header(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether it is in Fortran's order, and type. To parse them takes longer than to read a pair's keypoints,
    and those of clips of one length are the same."""
    stream = io.BytesIO(header)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("an array of another version than .npy 1.0")
    return np.lib.format.read_array_header_1_0(stream)

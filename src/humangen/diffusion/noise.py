"""Noise that belongs to a picture: the same whatever the batch, the window or the rank it is drawn in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor


def keyed_generator(*key: object) -> torch.Generator:
    """A CPU generator whose seed is a hash of `key` (numbers and strings)."""
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def frame_noise(seed: int, keys: Sequence[str], frames: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Unit Gaussian noise (len(keys), len(frames), *shape), one stream per (seed, key, frame)."""
    return torch.stack(
        [
            torch.stack([torch.randn(*shape, generator=keyed_generator(seed, key, frame)) for frame in frames])
            for key in keys
        ]
    )

"""The reference, read once: each self-attention layer's keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from humangen.types import InputError


class ReferenceCache:
    """Keys and values (B, heads, N, d) of B references, by layer path."""

    def __init__(self) -> None:
        self.layers: dict[str, tuple[Tensor, Tensor]] = {}

    @classmethod
    def joined(cls, caches: Sequence[Self]) -> Self:
        """References that the same network read apart, side by side."""
        cache = cls()
        for layer in caches[0].layers:
            keys, values = zip(*(each.layers[layer] for each in caches), strict=True)
            cache.write(layer, torch.cat(keys), torch.cat(values))
        return cache

    def write(self, layer: str, key: Tensor, value: Tensor) -> None:
        self.layers[layer] = (key, value)

    def read(self, layer: str) -> tuple[Tensor, Tensor]:
        if layer not in self.layers:
            raise InputError(f"the reference cache has no layer {layer!r}: it was read by another network")
        return self.layers[layer]

"""How the rows of a batch read one another in self-attention.

A batch holds reference rows first, then target rows; every layer hands its queries, keys and values
(rows, heads, N, d) to one of the objects below. `references` counts the leading reference rows, `frames` is the
length of the clips behind them (temporal layers need both). Target rows that share a reference are neighbours.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from humangen.attention.cache import ReferenceCache
from humangen.attention.schemes import ISOLATED, REFERENCE, TARGET, Scheme


class Spatial(Protocol):
    """The one object that travels to every attention and temporal layer."""

    references: int
    frames: int

    def attend(self, layer: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor: ...


def share(rows: Tensor, count: int) -> Tensor:
    """Repeats each reference row for the neighbouring target rows that read it, up to `count` rows."""
    return rows if count == rows.shape[0] else rows.repeat_interleave(count // rows.shape[0], dim=0)


def beside(reference: Tensor, own: Tensor) -> Tensor:
    """[K_r; K]: each reference's (B, heads, N_r, d) before those of the rows (R, heads, N, d) that read it, copied
    once: (R, heads, N_r + N, d)."""
    rows = own.unflatten(0, (reference.shape[0], -1))
    return torch.cat([reference[:, None].expand(-1, rows.shape[1], -1, -1, -1), rows], dim=3).flatten(0, 1)


def attend_with_reference(
    query: Tensor, key: Tensor, value: Tensor, reference: tuple[Tensor, Tensor], present: Tensor | None
) -> Tensor:
    """softmax(Q [K_r; K]^T) [V_r; V] for the rows whose reference is present, softmax(Q K^T) V for the others."""
    if present is None:
        return scaled_dot_product_attention(query, beside(reference[0], key), beside(reference[1], value))
    keys, values = (share(part, query.shape[0]) for part in reference)
    result = torch.empty_like(query)
    for rows, reads in ((present.nonzero()[:, 0], True), ((~present).nonzero()[:, 0], False)):
        if len(rows) == 0:
            continue
        own_key, own_value = key[rows], value[rows]
        if reads:
            own_key = torch.cat([keys[rows], own_key], dim=2)
            own_value = torch.cat([values[rows], own_value], dim=2)
        result[rows] = scaled_dot_product_attention(query[rows], own_key, own_value)
    return result


class Joint:
    """Both halves in one batch, as a scheme says, by one unmasked attention call per half.

    A scheme in which the reference reads the target needs one reference row per target row.
    `present` (target rows, bool) is False where the target must not see its reference.
    """

    def __init__(self, *, scheme: Scheme, references: int, frames: int = 1, present: Tensor | None = None) -> None:
        self.scheme, self.references, self.frames, self.present = scheme, references, frames, present

    def attend(self, layer: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        halves = [(part[: self.references], part[self.references :]) for part in (query, key, value)]
        (query_r, query_t), (key_r, key_t), (value_r, value_t) = halves
        reference = self._read(REFERENCE, query_r, (key_r, value_r), (key_t, value_t))
        if self.scheme.reads(TARGET, REFERENCE) and self.scheme.reads(TARGET, TARGET):
            target = attend_with_reference(query_t, key_t, value_t, (key_r, value_r), self.present)
        else:
            target = self._read(TARGET, query_t, (key_r, value_r), (key_t, value_t))
        return torch.cat([reference, target])

    def _read(self, asker: int, query: Tensor, *answerers: tuple[Tensor, Tensor]) -> Tensor:
        seen = [pair for answerer, pair in enumerate(answerers) if self.scheme.reads(asker, answerer)]
        keys, values = (torch.cat(parts, dim=2) for parts in zip(*seen, strict=True))
        return scaled_dot_product_attention(query, keys, values)


class MaskedJoint(Joint):
    """The oracle: the same as `Joint`, by one call over all tokens with the scheme's dense mask. For tests."""

    def attend(self, layer: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        rows, tokens = query.shape[0] - self.references, query.shape[2]
        query, key, value = (
            torch.cat([share(part[: self.references], rows), part[self.references :]], dim=2)
            for part in (query, key, value)
        )
        segments = torch.tensor([REFERENCE, TARGET], device=query.device).repeat_interleave(tokens)
        masks = self.scheme.mask(segments).expand(rows, 1, -1, -1)
        if self.present is not None:
            masks = torch.where(self.present[:, None, None, None], masks, ISOLATED.mask(segments))
        result = scaled_dot_product_attention(query, key, value, attn_mask=masks)
        reference, target = result.split(tokens, dim=2)
        return torch.cat([reference[:: rows // self.references], target]) if self.references else target


class Read:
    """References alone: each reads itself, and its keys and values are kept."""

    frames = 1

    def __init__(self, *, cache: ReferenceCache, references: int) -> None:
        self.cache, self.references = cache, references

    def attend(self, layer: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        self.cache.write(layer, key, value)
        return scaled_dot_product_attention(query, key, value)


class Cached:
    """Targets alone, reading a cache."""

    references = 0

    def __init__(self, *, cache: ReferenceCache, frames: int = 1, present: Tensor | None = None) -> None:
        self.cache, self.frames, self.present = cache, frames, present

    def attend(self, layer: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return attend_with_reference(query, key, value, self.cache.read(layer), self.present)


class Alone:
    """Rows that read only themselves: targets without a reference, or whole canvases."""

    references = 0

    def __init__(self, *, frames: int = 1) -> None:
        self.frames = frames

    def attend(self, layer: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return scaled_dot_product_attention(query, key, value)

"""Mask schemes: who reads whom in self-attention, as 2x2 truth tables over (reference, target)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

REFERENCE, TARGET = 0, 1


@dataclass(frozen=True)
class Scheme:
    """`table[asker][answerer]` is True where the asker's queries see the answerer's keys."""

    name: str
    table: tuple[tuple[bool, bool], tuple[bool, bool]]

    def reads(self, asker: int, answerer: int) -> bool:
        return self.table[asker][answerer]

    @property
    def cacheable(self) -> bool:
        """True where the reference never depends on the target, so it can be read once for all steps."""
        return not self.reads(REFERENCE, TARGET)

    def mask(self, segments: Tensor) -> Tensor:
        """The dense attention mask (N, N) of tokens whose segment numbers are `segments` (N,)."""
        table = torch.tensor(self.table, device=segments.device)
        return table[segments[:, None], segments[None, :]]


CAUSAL = Scheme("causal", ((True, False), (True, True)))
FULL = Scheme("full", ((True, True), (True, True)))
ISOLATED = Scheme("isolated", ((True, False), (False, True)))
REVERSED = Scheme("reversed", ((True, True), (False, True)))

SCHEMES = {scheme.name: scheme for scheme in (CAUSAL, FULL, ISOLATED, REVERSED)}

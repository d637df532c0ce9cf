"""Loss weights per timestep."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Weighting(Protocol):
    """(K,) weights of clips whose signal-to-noise ratios are `snr` (K,)."""

    def __call__(self, snr: Tensor) -> Tensor: ...


class Uniform:
    """Every timestep counts the same."""

    def __call__(self, snr: Tensor) -> Tensor:
        return torch.ones_like(snr)


class MinSnr:
    """min(snr + 1, gamma) / (snr + 1): min-SNR (Hang et al. 2023) for v-prediction, never 0 at the last step."""

    def __init__(self, *, gamma: float = 5.0) -> None:
        self.gamma = gamma

    def __call__(self, snr: Tensor) -> Tensor:
        return (snr + 1).clamp(max=self.gamma) / (snr + 1)

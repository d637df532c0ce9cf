"""LPIPS: how far two pictures lie apart for a network, weighted by what people said.

The package lpips does the work. Why not torchmetrics' metric: it always downloads its network, and its states break
when ranks see different numbers of batches.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from humangen.metrics.features import Score, mean_score, read_tensors, to_bytes
from humangen.metrics.samples import SampleScores
from humangen.types import InputError

CHUNK = 8  # frames at once


class PerceptualNetwork(nn.Module):
    """`net` ("vgg" or "alex") of the package lpips with torchvision's weights from `file` and the packaged heads.

    Pictures are in [-1, 1], and are rounded to 8 bits. With `as_disco` they go in as [0, 1], as DisCo's evaluation has
    it: half the contrast, and another mean, so the numbers of the two kinds cannot be compared.
    """

    def __init__(self, net: str, file: Path, sha256: str, *, as_disco: bool = False) -> None:
        import lpips

        super().__init__()
        self.name, self.sha256, self.as_disco = f"lpips {net} v0.1", sha256, as_disco
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of torchvision, about how lpips calls it
            self.network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
        self.network.net.load_state_dict(_renamed(self.network.net, read_tensors(file), file))
        self.network.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """Distances (N,) of frames (N, 3, H, W) in [-1, 1]."""
        pairs = zip(prediction.split(CHUNK), truth.split(CHUNK), strict=True)
        return torch.cat([self.network(*map(self._scaled, pair)).flatten() for pair in pairs])

    def _scaled(self, pixels: Tensor) -> Tensor:
        levels = to_bytes(pixels).float()
        return levels / 255 if self.as_disco else levels / 127.5 - 1

    def train(self, mode: bool = True) -> Self:
        return super().train(False)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # nothing in it changes: copies of a metric share it


class PerceptualDistance(SampleScores):
    """The mean over frames; the distances of each clip are kept by its key."""

    def __init__(self, network: PerceptualNetwork) -> None:
        super().__init__(("distance",), drift=("distance",))
        self.network = network

    def update(self, prediction: Tensor, truth: Tensor, *, keys: Sequence[str] | None = None) -> None:
        """Clips (K, F, 3, H, W) in [-1, 1], compared frame by frame, and their keys."""
        if prediction.numel():
            distances = self.network(prediction.flatten(0, 1), truth.flatten(0, 1))
            self.add(keys, {"distance": distances.unflatten(0, prediction.shape[:2])})

    def compute(self) -> Score:  # type: ignore[override]
        return mean_score(self._merged(), "distance", self.network)


def _renamed(network: nn.Module, tensors: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
    """torchvision's `features.7.weight` as lpips calls it, `slice3.7.weight`; the classifier is left out."""
    names = {name: "features." + name.split(".", 1)[1] for name in network.state_dict()}
    missing = [name for name in names.values() if name not in tensors]
    if missing:
        raise InputError(f"{file} holds another network: {missing[0]} is not in it")
    return {name: tensors[theirs] for name, theirs in names.items()}

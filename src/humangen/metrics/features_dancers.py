"""The small network that knows drawn dancers: features for Frechet distances without any download.

It was trained on drawings only (weights/dancer_features/CARD.md), to tell what a dancer looks like, where the joints
and parts are, and how spoiled a picture is. Its distances are no FID and no FVD, and are named apart from them.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from humangen.metrics.features import Extractor, fill, read_tensors

SIZE = 128  # pixels, both sides, that the network works at
CHANNELS = (24, 48, 96, 128)
DIM = 64


class DancerNetwork(nn.Module):
    """Four strided convolutions, two residual ones, the mean over the picture, and one linear layer.

    Each feature has mean 0 and variance 1 over the drawn dancers that it was trained on, so that every one of them
    counts alike in a distance.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (5, *CHANNELS)  # RGB and where the pixel lies: x and y
        stages = [stage(*pair) for pair in zip(widths, widths[1:], strict=False)]
        self.stem, self.deep = nn.Sequential(*stages[:3]), nn.Sequential(*stages[3:])
        self.residual = nn.ModuleList([block(CHANNELS[-1]) for _ in range(2)])
        self.exit = nn.Linear(CHANNELS[-1], DIM)

    def forward(self, pixels: Tensor) -> Tensor:
        """`pixels` (N, 3, H, W) in [-1, 1], any size, squashed to a square -> features (N, 64)."""
        return self.read(pixels)[0]

    def read(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The features (N, 64) and the map (N, 96, 16, 16) before the last stage."""
        if pixels.shape[-2:] != (SIZE, SIZE):
            pixels = interpolate(pixels, (SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False)
        middle = self.stem(torch.cat([pixels, places(pixels)], dim=1))
        deep = self.deep(middle)
        for layer in self.residual:
            deep = deep + layer(deep)
        return self.exit(deep.mean((-2, -1))), middle


def places(pixels: Tensor) -> Tensor:
    """x and y of each pixel (N, 2, H, W) in [-1, 1]."""
    height, width = pixels.shape[-2:]
    x, y = torch.linspace(-1, 1, width), torch.linspace(-1, 1, height)
    grid = torch.stack([x[None].expand(height, -1), y[:, None].expand(-1, width)])
    return grid.to(pixels).expand(len(pixels), -1, -1, -1)


def stage(inputs: int, outputs: int) -> nn.Sequential:
    """Half the size."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.GroupNorm(4, outputs), nn.SiLU())


def block(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(4, width), nn.SiLU())


def clip_features(features: Tensor) -> Tensor:
    """Features of the frames of clips (K, F, D) as features of the clips (K, 2D): their mean over the frames, and the
    root mean square of their difference from one frame to the next, 0 for a clip of one frame."""
    steps = features.diff(dim=1).square().sum(1) / max(1, features.shape[1] - 1)
    return torch.cat([features.mean(1), steps.sqrt()], dim=1)


class DancerFrames(Extractor):
    """`fd_dancers`: features of single frames."""

    dim = DIM

    def __init__(self, file: Path, sha256: str) -> None:
        super().__init__("dancer features", sha256)
        self.network = DancerNetwork()
        fill(self.network, read_tensors(file), file)

    def network_features(self, rows: Tensor) -> Tensor:
        return self.network(rows)


class DancerClips(DancerFrames):
    """`fvd_dancers`: what the frames of a clip show on average, and how much it changes from frame to frame."""

    whole_clips, chunk, dim = True, 4, 2 * DIM

    def network_features(self, rows: Tensor) -> Tensor:
        return clip_features(self.network(rows.flatten(0, 1)).unflatten(0, rows.shape[:2]))

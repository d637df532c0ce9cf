"""The reference picture as tokens for cross-attention."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class NoImageEncoder(nn.Module):
    """The branch switched off: one zero token, with or without a reference."""

    reads_pictures = False

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, pixels: Tensor) -> Tensor:
        """`pixels` (B, 3, H, W) in [-1, 1] -> tokens (B, 1, D)."""
        return self.null(pixels.shape[0]).to(pixels)

    def null(self, count: int) -> Tensor:
        """The tokens (count, 1, D) of a dropped reference, the same in training and in sampling."""
        return torch.zeros(count, 1, self.width)


class ClipImageEncoder(NoImageEncoder):
    """CLIP's projected image embedding as one token, frozen; a dropped reference is the zero token."""

    reads_pictures = True
    mean: Tensor
    std: Tensor

    def __init__(self, clip: CLIPVisionModelWithProjection) -> None:
        super().__init__(width=clip.config.projection_dim)
        self.clip = clip.requires_grad_(False).eval()
        self.register_buffer("mean", torch.tensor(CLIP_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(CLIP_STD)[:, None, None], persistent=False)

    @classmethod
    def from_folder(cls, folder: str) -> ClipImageEncoder:
        return cls(CLIPVisionModelWithProjection.from_pretrained(Path(folder), local_files_only=True))

    @classmethod
    def from_config(cls, seed: int = 0, **config: int) -> ClipImageEncoder:
        """A random frozen projection of the given size: for tests and for models without pretrained weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(CLIPVisionModelWithProjection(CLIPVisionConfig(**config)))

    def train(self, mode: bool = True) -> ClipImageEncoder:
        return super().train(False)  # frozen: no dropout, whatever the rest does

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        size = self.clip.config.image_size
        resized = interpolate(pixels, (size, size), mode="bicubic", antialias=True, align_corners=False)
        return self.clip(((resized + 1) / 2 - self.mean) / self.std).image_embeds[:, None]

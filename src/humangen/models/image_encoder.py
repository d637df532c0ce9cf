"""The reference picture as tokens for cross-attention."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from humangen.models.codec import exactly
from humangen.models.loading import check_fit
from humangen.models.weights import part_folder, read_config, read_weights, weights_file

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
# the options that make the network; a folder's configuration has many others
VISION = (
    "hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers", "num_attention_heads", "num_channels",
    "image_size", "patch_size", "hidden_act", "layer_norm_eps", "attention_dropout",
)  # fmt: skip
# the text half, and the count of positions that older files keep as a tensor
NOT_VISION = re.compile(r"text_model\.|text_projection\.|logit_scale$|vision_model\.embeddings\.position_ids$")


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
    def from_folder(cls, folder: str | Path) -> ClipImageEncoder:
        """From a transformers folder, that of CLIP (its text half is left out) or that of a pipeline with an
        `image_encoder`, or a hub id.

        Raises `InputError` where its weights do not match in every name and shape.
        """
        place = part_folder(folder, "image_encoder")
        config = read_config(place, "CLIPVisionModelWithProjection", "CLIPModel")
        clip = CLIPVisionModelWithProjection(vision_config(config))
        file = weights_file(place)
        weights = {name: value for name, value in read_weights(file).items() if not NOT_VISION.match(name)}
        check_fit("image encoder", clip.state_dict(), weights, file, "model.image_encoder.source=FOLDER or HUB ID")
        clip.load_state_dict(weights)
        return cls(clip)

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
        normalised = ((resized + 1) / 2 - self.mean) / self.std
        with exactly(pixels):
            return self.clip(normalised.to(self.clip.dtype)).image_embeds[:, None].to(pixels.dtype)


def vision_config(config: Mapping[str, Any]) -> CLIPVisionConfig:
    """The picture half of a CLIP's config.json, which may be of that half alone."""
    vision = {**config.get("vision_config", config), "projection_dim": config.get("projection_dim", 512)}
    return CLIPVisionConfig(**{name: vision[name] for name in VISION if name in vision})

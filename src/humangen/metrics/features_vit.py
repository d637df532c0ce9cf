"""Features of two vision transformers, CLIP's and DINO's, from the files that their authors published.

One plain transformer serves both; written here because metrics do not depend on a library of models.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

from humangen.metrics.features import Extractor, middle, read_tensors
from humangen.types import InputError

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZE = 224
# the names in CLIP's file, as those of DINO's, which are used here
CLIP_NAMES = (
    (r"^vision_model\.embeddings\.class_embedding$", "cls_token"),
    (r"^vision_model\.embeddings\.position_embedding\.weight$", "pos_embed"),
    (r"^vision_model\.embeddings\.patch_embedding\.", "patch_embed.proj."),
    (r"^vision_model\.pre_layrnorm\.", "pre_norm."),
    (r"^vision_model\.post_layernorm\.", "norm."),
    (r"^vision_model\.encoder\.layers\.", "blocks."),
    (r"\.layer_norm(\d)\.", r".norm\1."),
    (r"\.self_attn\.out_proj\.", ".attn.proj."),
    (r"\.self_attn\.", ".attn."),
    (r"^visual_projection\.", "projection."),
)


class VisionTransformer(nn.Module):
    """`forward`: pictures (N, 3, 224, 224), normalised -> the class token after the last layer (N, dim), projected
    where the file holds a projection. `quick` is CLIP's approximation of GELU."""

    def __init__(self, tensors: dict[str, Tensor], *, heads: int, epsilon: float, quick: bool) -> None:
        super().__init__()
        self.heads, self.epsilon, self.quick = heads, epsilon, quick
        self.depth = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))
        for name, value in tensors.items():
            self.register_buffer(name.replace(".", "_"), value.float())

    def forward(self, pixels: Tensor) -> Tensor:
        kernel = self._tensor("patch_embed.proj.weight")
        patches = nn.functional.conv2d(pixels, kernel, self._maybe("patch_embed.proj.bias"), stride=kernel.shape[-1])
        tokens = patches.flatten(2).transpose(1, 2)
        first = self._tensor("cls_token").reshape(1, 1, -1).expand(len(tokens), -1, -1)
        places = self._tensor("pos_embed").reshape(1, -1, tokens.shape[-1])
        x = torch.cat([first, tokens], dim=1) + places
        if self._maybe("pre_norm.weight") is not None:
            x = self._norm("pre_norm", x)
        for number in range(self.depth):
            x = x + self._attend(f"blocks.{number}.attn", self._norm(f"blocks.{number}.norm1", x))
            x = x + self._widen(f"blocks.{number}.mlp", self._norm(f"blocks.{number}.norm2", x))
        x = self._norm("norm", x[:, 0])
        projection = self._maybe("projection.weight")
        return x if projection is None else linear(x, projection)

    def _attend(self, name: str, x: Tensor) -> Tensor:
        if self._maybe(f"{name}.qkv.weight") is not None:
            parts = self._linear(f"{name}.qkv", x).chunk(3, dim=-1)
        else:
            parts = tuple(self._linear(f"{name}.{which}_proj", x) for which in "qkv")
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        return self._linear(f"{name}.proj", scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    def _widen(self, name: str, x: Tensor) -> Tensor:
        x = self._linear(f"{name}.fc1", x)
        return self._linear(f"{name}.fc2", x * torch.sigmoid(1.702 * x) if self.quick else gelu(x))

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return linear(x, self._tensor(f"{name}.weight"), self._maybe(f"{name}.bias"))

    def _norm(self, name: str, x: Tensor) -> Tensor:
        return layer_norm(x, x.shape[-1:], self._tensor(f"{name}.weight"), self._tensor(f"{name}.bias"), self.epsilon)

    def _maybe(self, name: str) -> Tensor | None:
        return getattr(self, name.replace(".", "_"), None)

    def _tensor(self, name: str) -> Tensor:
        found = self._maybe(name)
        if found is None:
            raise InputError(f"the file of a vision transformer holds no {name}: it holds another network")
        return found


class _TokenExtractor(Extractor):
    """A vision transformer with its own way to prepare pictures."""

    mean: Tensor
    std: Tensor
    resized: int

    def __init__(self, name: str, sha256: str, network: VisionTransformer) -> None:
        super().__init__(name, sha256)
        self.network = network
        of_clip = name.startswith("clip")
        for key, values in (
            ("mean", CLIP_MEAN if of_clip else IMAGENET_MEAN),
            ("std", CLIP_STD if of_clip else IMAGENET_STD),
        ):
            self.register_buffer(key, torch.tensor(values)[:, None, None])

    def network_features(self, rows: Tensor) -> Tensor:
        return self.network((middle(rows, self.resized, SIZE) - self.mean) / self.std)


class Clip(_TokenExtractor):
    """CLIP ViT-B/32's picture embedding: shorter side 224, middle square, CLIP's mean and deviation; 512 features."""

    resized, dim = SIZE, 512

    def __init__(self, file: Path, sha256: str) -> None:
        tensors = clip_tensors(read_tensors(file))
        super().__init__("clip vit-b/32", sha256, VisionTransformer(tensors, heads=12, epsilon=1e-5, quick=True))


class Dino(_TokenExtractor):
    """DINO ViT-S/16's class token: shorter side 256, middle 224, ImageNet's mean and deviation; 384 features."""

    resized, dim = 256, 384

    def __init__(self, file: Path, sha256: str) -> None:
        network = VisionTransformer(read_tensors(file), heads=6, epsilon=1e-6, quick=False)
        super().__init__("dino vit-s/16", sha256, network)


def clip_tensors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The picture half of CLIP's file under the names used here."""
    kept = {}
    for name, value in tensors.items():
        if not name.startswith(("vision_model.", "visual_projection.")) or name.endswith("position_ids"):
            continue
        for pattern, replacement in CLIP_NAMES:
            name = re.sub(pattern, replacement, name)
        kept[name] = value
    return kept

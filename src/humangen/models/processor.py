"""The diffusers attention processors through which a `Spatial` reaches every attention layer.

diffusers forwards `cross_attention_kwargs` to each processor whose `__call__` names the key, and drops the rest.
"""

from __future__ import annotations

from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from einops import rearrange
from torch import Tensor

from humangen.attention.spatial import Spatial


class SelfAttentionProcessor:
    """Projects rows (R, N, D) to queries, keys and values; who reads whom is the `spatial` object's business."""

    def __init__(self, layer: str) -> None:
        self.layer = layer

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        spatial: Spatial,
    ) -> Tensor:
        if attn.fused_projections:
            projected = attn.to_qkv(hidden_states).chunk(3, dim=-1)
        else:
            projected = tuple(project(hidden_states) for project in (attn.to_q, attn.to_k, attn.to_v))
        query, key, value = (rearrange(part, "R N (heads d) -> R heads N d", heads=attn.heads) for part in projected)
        joined = spatial.attend(self.layer, query, key, value)
        result = attn.to_out[0](rearrange(joined, "R heads N d -> R N (heads d)"))
        return attn.to_out[1](result)


class CrossAttentionProcessor(AttnProcessor2_0):
    """The stock cross-attention; names the `spatial` argument that diffusers hands to every processor."""

    def __call__(  # type: ignore[override]
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        spatial: Spatial,
    ) -> Tensor:
        return super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask)

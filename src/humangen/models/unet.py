"""The video U-Net of diffusers, called on rows: reference and target pictures side by side in the batch."""

from __future__ import annotations

from typing import Any

from diffusers import UNetMotionModel
from torch import Tensor

from humangen.attention.spatial import Spatial
from humangen.models.motion import use_clip_motion
from humangen.models.processor import CrossAttentionProcessor, SelfAttentionProcessor


class SpatialUNet(UNetMotionModel):
    """`UNetMotionModel` whose rows have their own timestep, tokens and pose features.

    Blocks, parameters and config are diffusers'; only the walk through them is told what a row is.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.register_to_config(**config)
        use_clip_motion(self)
        self.set_attn_processor({name: self._processor(name, stock) for name, stock in self.attn_processors.items()})

    @staticmethod
    def _processor(name: str, stock: Any) -> Any:
        if "motion_modules" in name:
            return stock
        layer = name.removesuffix(".processor")
        return SelfAttentionProcessor(layer) if layer.endswith("attn1") else CrossAttentionProcessor()

    def forward(  # type: ignore[override]
        self, rows: Tensor, timestep: Tensor, tokens: Tensor, pose: Tensor, spatial: Spatial
    ) -> Tensor:
        """Prediction (R, C, h, w) for latents `rows` (R, C, h, w), `timestep` (R,), `tokens` (R, N, D) and pose
        features (R, width, h, w), which are added to the first convolution's output. It is computed in the type of the
        weights, and comes in that of `rows`."""
        precision = self.conv_in.weight.dtype
        embedding = self.time_embedding(self.time_proj(timestep).to(precision))
        still = {
            "temb": embedding,
            "encoder_hidden_states": tokens.to(precision),
            "cross_attention_kwargs": {"spatial": spatial},
        }
        context = {**still, "num_frames": spatial}
        plain = {"temb": embedding, "num_frames": spatial}
        hidden = self.conv_in(rows.to(precision)) + pose
        skips = [hidden]
        for block in self.down_blocks:
            hidden, states = block(hidden, **(context if hasattr(block, "attentions") else plain))
            skips.extend(states)
        hidden = self.mid_block(hidden, **(context if hasattr(self.mid_block, "motion_modules") else still))
        for block in self.up_blocks:
            count = len(block.resnets)
            states, skips = tuple(skips[-count:]), skips[:-count]
            size = skips[-1].shape[2:] if skips else None
            hidden = block(
                hidden,
                res_hidden_states_tuple=states,
                upsample_size=size,
                **(context if hasattr(block, "attentions") else plain),
            )
        return self.conv_out(self.conv_act(self.conv_norm_out(hidden))).to(rows.dtype)

"""What makes a denoiser faster once it is loaded, and changes nothing that it computes or saves."""

from __future__ import annotations

from diffusers.models.attention import BasicTransformerBlock

from humangen.models.denoiser import Denoiser


def transformer_blocks(denoiser: Denoiser) -> list[BasicTransformerBlock]:
    """The spatial blocks: where nearly all of the time goes, and few enough shapes that compiling them pays."""
    return [
        module
        for name, module in denoiser.unet.named_modules()
        if isinstance(module, BasicTransformerBlock) and "motion_modules" not in name
    ]


def fuse_projections(denoiser: Denoiser) -> None:
    """One matrix product for queries, keys and values of each self-attention; for inference: the fused weights are
    copies, and training would leave the saved ones behind."""
    for block in transformer_blocks(denoiser):
        block.attn1.fuse_projections()


def compile_blocks(denoiser: Denoiser) -> None:
    """Compiles each block in place. Names of parameters stay, so checkpoints fit with and without."""
    from torch._dynamo import config  # takes long to import, and few compile

    blocks = transformer_blocks(denoiser)
    # all blocks share their code, and torch counts the variants of one piece of code: a width, a place, a way to attend
    config.recompile_limit = max(config.recompile_limit, 8 * len(blocks))
    for block in blocks:
        block.compile()

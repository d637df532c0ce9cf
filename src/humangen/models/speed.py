"""What makes a pipeline faster once it is loaded: the precision and layout of its weights, and ways to run them that
change nothing of what it computes or saves."""

from __future__ import annotations

import torch
from diffusers.models.attention import BasicTransformerBlock

from humangen.models.denoiser import Denoiser
from humangen.models.pipeline import Pipeline
from humangen.types import InputError

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def precision_on(device: torch.device | str, wanted: str | None = None) -> str:
    """`wanted`, one of `PRECISIONS`; None is bfloat16 on a CUDA device that computes in it, elsewhere float32."""
    if wanted is None:
        return "bfloat16" if _computes_bfloat16(torch.device(device)) else "float32"
    if wanted not in PRECISIONS:
        raise InputError(f"no precision {wanted!r}; there are {', '.join(PRECISIONS)}")
    return wanted


def _computes_bfloat16(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def device_name(device: torch.device) -> str:
    """What a result calls a device, on which its seconds, and the last bits of what is painted, depend."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def compute_in(pipeline: Pipeline, precision: str) -> None:
    """Casts the weights of the denoiser to one of `PRECISIONS`, and lays out all convolutions as CUDA's kernels read
    them, where the pipeline is on such a device. For inference: weights that are trained keep float32.

    Codec and image encoder keep float32: they see a picture once where the denoiser sees it in every step, bfloat16 is
    no finer than the 8 bits of a pixel, and published autoencoders overflow in float16.
    """
    pipeline.denoiser.to(PRECISIONS[precision])
    if next(pipeline.parameters()).is_cuda:
        pipeline.to(memory_format=torch.channels_last)


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

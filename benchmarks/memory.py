"""What training needs of a card's memory, counted without one: a step of the real networks on fake tensors.

`image_N` is stage 1 on N pairs of pictures, `clip_N` stage 2 on N clips, which trains the temporal layers alone;
`_checkpointed` recomputes activations in backward where diffusers does: in one temporal layer, the middle. Resident are
the weights (float32, frozen encoders included), their moving average, gradients and Adam's two states; activations are
what a forward pass keeps for backward, autocast's copies of the weights included.

The peak, of the second step, is not quite their sum: gradients come while activations go, and the work itself needs
room. It has three forms: AdamW as torch runs it on CUDA unless told otherwise (`foreach`, with a temporary of the size
of all gradients), AdamW(fused=True), and 8-bit Adam's states (computed). A card fits where a tenth of it stays free
for what is not counted: CUDA's context, workspaces of kernels, fragmentation.
"""

from __future__ import annotations

import argparse
import math
from typing import NamedTuple

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

import denoisers
import timing
from account import Account, normalise_in_float32
from humangen.callbacks.flops import ModelFlops
from humangen.cli.errors import reported
from humangen.diffusion.loss import squared_error
from humangen.models.codec import Codec, PatchCodec
from humangen.models.denoiser import Denoiser
from humangen.models.image_encoder import ClipImageEncoder, NoImageEncoder
from humangen.models.motion import motion_parameters
from humangen.models.vae import LatentCodec
from humangen.strategies import blocks_of
from humangen.types import Condition, Reference

CPU = torch.device("cpu")
CARDS = (24, 40, 80)  # GiB
FREE = 0.1  # of a card
# bitsandbytes/optim/optimizer.py, Optimizer2State.init_state: tensors below this size keep float32 states
SMALLEST_8BIT = 4096
BLOCK_8BIT = 256  # values that share one float32 scale (older releases: 2048)
AUTOENCODER = {  # Stable Diffusion 1.5's vae/config.json
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
CLIP = {  # openai/clip-vit-large-patch14, its vision half
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
    "projection_dim": 768,
}


def gibibytes(size: float) -> str:
    return f"{size / 2**30:.1f}"


def fits(peak: float) -> str:
    """The peak, and the smallest card that it leaves enough free of."""
    card = next((str(card) for card in CARDS if peak <= (1 - FREE) * card * 2**30), "none")
    return f"{gibibytes(peak)} ({card})"


PARTS = {"weight": "weights", "average": "average", "gradient": "gradients", "state": "Adam states"}
COLUMNS: timing.Columns = {
    "activation_bytes": ("activations, GiB", gibibytes),
    "peak_bytes": ("peak, GiB (card)", fits),
    "peak_fused_bytes": ("with fused AdamW", fits),
    "peak_8bit_bytes": ("with 8-bit Adam", fits),
}


class Networks(NamedTuple):
    denoiser: Denoiser
    codec: Codec
    image_encoder: NoImageEncoder


class Pictures(NamedTuple):
    """References and targets with their poses, as a batch of a task holds them."""

    reference: Tensor  # K 3 H W
    reference_pose: Tensor
    target: Tensor  # K F 3 H W
    target_pose: Tensor


def build_networks(model: str, *, stage: str, checkpointed: bool) -> Networks:
    denoiser = denoisers.join_parts("causal", denoisers.build_parts(model)).train()
    motion = set(motion_parameters(denoiser))
    for parameter in denoiser.parameters():
        parameter.requires_grad_((parameter in motion) == (stage == "clip"))
    if checkpointed:
        denoiser.unet.enable_gradient_checkpointing()
    codec: Codec = PatchCodec() if model == "tiny" else LatentCodec(AutoencoderKL(**AUTOENCODER))
    width = denoiser.unet.config.cross_attention_dim  # type: ignore[attr-defined]
    encoder = NoImageEncoder(width=width) if model == "tiny" else ClipImageEncoder.from_config(**CLIP)
    return Networks(denoiser, codec.requires_grad_(False).eval(), encoder)


def random_pictures(clips: int, frames: int, size: int) -> Pictures:
    references, targets = ((clips, 3, size, size), (clips, frames, 3, size, size))
    return Pictures(torch.rand(references), torch.rand(references), torch.rand(targets), torch.rand(targets))


def forward(networks: Networks, pictures: Pictures, dtype: torch.dtype) -> Tensor:
    """The loss of predicting zero, which keeps what any other target keeps."""
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        tokens = networks.image_encoder(pictures.reference)
        reference = Reference(networks.codec.encode(pictures.reference), pictures.reference_pose, tokens)
        clips = networks.codec.encode(pictures.target.flatten(0, 1)).unflatten(0, pictures.target.shape[:2])
        timestep = torch.zeros(len(clips), dtype=torch.long)
        prediction = networks.denoiser(clips, timestep, Condition(pictures.target_pose, tokens), reference)
        return squared_error(prediction, torch.zeros_like(clips)).mean()


def training_bytes(
    options: argparse.Namespace, *, stage: str, clips: int, frames: int, checkpointed: bool
) -> timing.Row:
    """What each part takes, the peaks of a step and its FLOPs: those of the model, and with what is computed again."""
    dtype = denoisers.DTYPES[options.dtype]
    with FakeTensorMode(), Account() as account:
        networks = build_networks(options.model, stage=stage, checkpointed=checkpointed)
        for network in networks:
            normalise_in_float32(network)
        weights = account.alive
        average = denoisers.build_parts(options.model)  # as callbacks.ema keeps one, of all parameters
        averaged = account.alive - weights
        trained = [parameter for parameter in networks.denoiser.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, foreach=True)
        for _ in range(2):  # the states come with the first step
            resident = account.alive
            account.restart()
            with ModelFlops() as needed, ModelFlops(recomputed=True) as computed:
                loss = forward(networks, random_pictures(clips, frames, options.size), dtype)
                kept = account.alive - resident
                loss.backward()
            del loss
            running, gradients = account.peak, account.alive - resident
            account.restart()
            optimizer.step()
            stepping = account.peak
            optimizer.zero_grad()
        del average
    states = resident - weights - averaged
    return {
        "trained": sum(parameter.numel() for parameter in trained),
        "weight_bytes": weights,
        "average_bytes": averaged,
        "gradient_bytes": gradients,
        "state_bytes": states,
        "activation_bytes": kept,
        "peak_bytes": max(running, stepping),
        "peak_fused_bytes": running,
        "peak_8bit_bytes": running - states + states_8bit(trained),
        "network_bytes": parameter_bytes(networks.denoiser),
        "block_bytes": max(map(parameter_bytes, blocks_of(networks.denoiser))),
        "flops": needed.total,
        "computed_flops": computed.total,
    }


def parameter_bytes(module: nn.Module) -> int:
    return sum(parameter.nbytes for parameter in module.parameters())


def states_8bit(trained: list[nn.Parameter]) -> int:
    """Bytes of two states, of one byte a value and a float32 scale a block."""
    sizes = [parameter.numel() for parameter in trained]
    return sum(
        2 * (size + 4 * math.ceil(size / BLOCK_8BIT)) if size >= SMALLEST_8BIT else 2 * 4 * size for size in sizes
    )


def formula(name: str, rows: dict[int, timing.Row]) -> str:
    """What the parts of the peak are, in GiB for N clips; `rows` are those of one setting, by their number of clips."""
    few, many = min(rows), max(rows)
    slope = (rows[many]["activation_bytes"] - rows[few]["activation_bytes"]) / max(many - few, 1)
    parts = [f"{gibibytes(rows[few][f'{part}_bytes'])} {word}" for part, word in PARTS.items()]
    fixed = rows[few]["activation_bytes"] - slope * few
    return f"{name}: {' + '.join(parts)} + ({gibibytes(fixed)} + {gibibytes(slope)} N) activations"


def parse() -> argparse.Namespace:
    parser = timing.output_parser(__doc__)
    denoisers.add_model(parser, size=512)
    parser.add_argument("--frames", type=timing.positive, default=16, help="frames per clip of stage 2")
    parser.add_argument("--pairs", type=timing.positive, nargs="+", default=[1, 4, 8], help="batches of stage 1")
    parser.add_argument("--clips", type=timing.positive, nargs="+", default=[1, 2], help="batches of stage 2")
    parser.add_argument("--dtype", choices=list(denoisers.DTYPES), default="bfloat16", help="of autocast")
    return denoisers.parse(parser)


@reported
def main() -> None:
    options = parse()
    rows, formulas = {}, []
    for stage, batches, frames in (("image", options.pairs, 1), ("clip", options.clips, options.frames)):
        for ending, checkpointed in (("", False), ("_checkpointed", True)):
            setting = {"stage": stage, "frames": frames, "checkpointed": checkpointed}
            found = {clips: training_bytes(options, clips=clips, **setting) for clips in batches}
            formulas.append(formula(f"{stage}_N{ending}", found))
            rows |= {f"{stage}_{clips}{ending}": row for clips, row in found.items()}
    timing.report(options, rows, name="memory", device=CPU, columns=COLUMNS)
    print("by parts, GiB:", *formulas, sep="\n  ")


if __name__ == "__main__":
    main()

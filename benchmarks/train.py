"""What one training step costs (forward, backward, optimiser), against the same U-Net without a reference.

Every variant trains on the same number of targets. `causal_K` paints K targets per reading of a reference;
`full` and `canvas` need a reading of their own for each target. bfloat16 means autocast over float32 weights.
"""

from __future__ import annotations

import argparse
from functools import partial

import torch
from torch import Tensor

import denoisers
import timing
from humangen.cli.errors import reported
from humangen.diffusion.loss import squared_error
from humangen.models.denoiser import Denoiser
from humangen.types import Condition, InputError, Reference


def training_step(
    denoiser: Denoiser,
    optimizer: torch.optim.Optimizer,
    dtype: torch.dtype,
    inputs: tuple[Tensor, Tensor, Condition, Reference | None],
) -> None:
    """One step towards predicting zero, which costs what any other target costs."""
    noisy = inputs[0]
    with torch.autocast(noisy.device.type, dtype, enabled=dtype != torch.float32):
        prediction = denoiser(*inputs)
    squared_error(prediction, torch.zeros_like(noisy)).mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def parse() -> argparse.Namespace:
    parser = timing.parser(__doc__, repeats=10)
    denoisers.add_arguments(parser, batch=12)
    parser.add_argument(
        "--targets",
        type=timing.positive,
        nargs="+",
        default=[1, 3],
        help="clips per reference of the causal form",
    )
    options = denoisers.parse(parser)
    uneven = [count for count in options.targets if options.batch % count]
    if uneven:
        raise InputError(f"{options.batch} clips cannot be shared out at {uneven[0]} per reference: change --batch")
    return options


@reported
def main() -> None:
    options = parse()
    device, dtype = timing.choose_device(options.device), denoisers.DTYPES[options.dtype]
    parts = denoisers.build_parts(options.model)
    causal, full, canvas = (
        denoisers.join_parts(mask, parts).to(device).train() for mask in ("causal", "full", "canvas")
    )
    # the denoisers share their weights, so one optimiser serves them all
    optimizer = torch.optim.AdamW(causal.parameters())
    draw = partial(denoisers.random_inputs, options, parts["unet"], device=device, dtype=torch.float32)
    each = draw(references=options.batch)
    inputs = {"plain": (causal, (*each[:3], None))}
    for count in options.targets:
        inputs[f"causal_{count}"] = (causal, draw(references=options.batch // count))
    inputs |= {"full": (full, each), "canvas": (canvas, each)}
    steps = {
        name: partial(training_step, denoiser, optimizer, dtype, given) for name, (denoiser, given) in inputs.items()
    }
    rows = timing.measure(
        {name: partial(timing.timed, step, device) for name, step in steps.items()},
        baseline="plain",
        repeats=options.repeats,
        warmup=options.warmup,
    )
    for name, step in steps.items():
        rows[name]["samples_per_second"] = options.batch / rows[name]["seconds"]
        rows[name]["parameters"] = denoisers.count_parameters(causal)
        rows[name].update(timing.peak_memory(step, device))
    timing.report(options, rows, name="train", baseline="plain", device=device)


if __name__ == "__main__":
    main()

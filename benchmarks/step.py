"""What one sampling step costs: each way to look at the reference, against the same U-Net without one.

`plain` sees no reference; `cached` reads what `read` computed once for all steps; `causal_uncached` reads the
reference anew in every step, as `full` and `canvas` must. `referencenet` is the baseline of two networks; its reading,
once for all steps as well, costs what `read` costs. `cached_graphs`, on a CUDA device, is `cached` played back from a
recording. Weights are random. FLOPs are those of convolutions, matrix
products and attention, two per multiply-add.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

import denoisers
import timing
from humangen.cli.errors import reported
from humangen.models.recording import record_passes
from referencenet import ReferenceNet, without_motion

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class Step(NamedTuple):
    """One variant: what is timed, and the parameters of its networks."""

    run: Callable[[], object]
    parameters: int


def build_networks(options: argparse.Namespace) -> nn.ModuleDict:
    """`unet`, `pose_encoder`, and the second U-Net that reads for `referencenet`."""
    parts = denoisers.build_parts(options.model)
    return nn.ModuleDict({**parts, "reader": without_motion(denoisers.build_parts(options.model)["unet"])}).eval()


def build_steps(
    options: argparse.Namespace, networks: nn.ModuleDict, device: torch.device, dtype: torch.dtype
) -> dict[str, Step]:
    parts = {name: networks[name] for name in ("unet", "pose_encoder")}
    causal, full, canvas = (denoisers.join_parts(mask, parts).eval() for mask in ("causal", "full", "canvas"))
    pair = ReferenceNet(causal, networks["reader"])
    noisy, timestep, condition, reference = denoisers.random_inputs(
        options, parts["unet"], references=options.batch, device=device, dtype=dtype
    )
    cache, bank = causal.read(reference), pair.read(reference)
    one, two = denoisers.count_parameters(causal), denoisers.count_parameters(pair.reader)
    steps = {
        "plain": Step(partial(causal, noisy, timestep, condition, None), one),
        "cached": Step(partial(causal, noisy, timestep, condition, cache), one),
        "causal_uncached": Step(partial(causal, noisy, timestep, condition, reference), one),
        "full": Step(partial(full, noisy, timestep, condition, reference), one),
        "canvas": Step(partial(canvas, noisy, timestep, condition, reference), one),
        "read": Step(partial(causal.read, reference), one),
        "referencenet": Step(partial(pair, noisy, timestep, condition, bank), one + two),
    }
    if device.type == "cuda":
        played = denoisers.join_parts("causal", parts).eval()
        record_passes(played)
        steps["cached_graphs"] = Step(partial(played, noisy, timestep, condition, cache), one)
    return steps


def count_flops(options: argparse.Namespace) -> dict[str, int]:
    """FLOPs of each step, by running it on fake tensors: shapes without numbers, so any size takes a second."""
    flops = {}
    with FakeTensorMode(), torch.no_grad():
        networks = build_networks(options)
        for name, step in build_steps(options, networks, torch.device("cpu"), torch.float32).items():
            with FlopCounterMode(display=False) as counter:
                step.run()
            flops[name] = counter.get_total_flops()
    return flops


def parse() -> argparse.Namespace:
    parser = timing.parser(__doc__, repeats=20)
    denoisers.add_arguments(parser, batch=4)
    parser.add_argument("--layout", choices=list(LAYOUTS), help="of convolutions; unless given, inference's own there")
    return denoisers.parse(parser)


@reported
def main() -> None:
    options = parse()
    device, dtype = timing.choose_device(options.device), denoisers.DTYPES[options.dtype]
    options.layout = options.layout or ("channels_last" if device.type == "cuda" else "contiguous")
    flops = count_flops(options)
    with torch.inference_mode():
        networks = build_networks(options).to(device, dtype)
        networks.to(memory_format=LAYOUTS[options.layout])
        steps = build_steps(options, networks, device, dtype)
        rows = timing.measure(
            {name: partial(timing.timed, step.run, device) for name, step in steps.items()},
            baseline="plain",
            repeats=options.repeats,
            warmup=options.warmup,
        )
        resident = max(step.parameters for step in steps.values())
        for name, step in steps.items():
            rows[name]["flops"] = flops[name.removesuffix("_graphs")]
            rows[name]["flops_per_second"] = rows[name]["flops"] / rows[name]["seconds"]
            rows[name]["parameters"] = step.parameters
            others = (resident - step.parameters) * dtype.itemsize
            rows[name].update(timing.peak_memory(step.run, device, others=others))
    timing.report(options, rows, name="step", baseline="plain", device=device)


if __name__ == "__main__":
    main()

"""What stage 1 needs of each card and how fast it should be, by size and strategy: counted and computed, not measured.

Parts of the memory are those that memory.py counts on fake tensors, with gradient checkpointing and AdamW as it comes:

    single    the counted peak
    ddp       with its gradients, which stay in their buckets while the next step runs
    fsdp      frozen + (network + average + gradients + Adam) / GPUs + working + two gathered blocks
    zero2     frozen + network + average + (copy + gradients + Adam) / GPUs + working + buckets
    zero3     frozen + (network + copy + gradients + Adam) / GPUs + working + buckets + what is gathered at once

`working` is what a step takes above what lies there between steps, gradients included: where they are shared that is a
bound, since most of them are given away at once. A block that fsdp gathers and its gradients are bfloat16; these are
summed in float32. The two of DeepSpeed are section 5 of Rajbhandari et al. 2020 (ZeRO) with four bytes a number, as
autocast leaves weights and gradients: the optimiser steps a copy of the trained parameters, gradients go through two
buckets, stage 3 gathers up to as many parameters at once as src/humangen/zero.py allows, and keeps no average.

    seconds of a step = counted FLOPs, recomputed ones too / (--utilization x the card's peak)

The utilisation is an assumption, and the exchange between cards is taken to hide behind the backward pass, so that N
cards are N times as fast as one: an upper limit.
"""

from __future__ import annotations

import argparse

import denoisers
import memory
import timing
from humangen.callbacks.flops import peak_tflops
from humangen.cli.errors import reported
from humangen.types import InputError
from humangen.zero import zero_config

FLOAT = 4  # bytes

COLUMNS: timing.Columns = {
    "peak_bytes": ("per card, GiB (fits)", memory.fits),
    "flops": ("TFLOP a pair", lambda value: f"{value / 1e12:.2f}"),
    "computed_flops": ("recomputed too", lambda value: f"{value / 1e12:.2f}"),
    "samples_per_second": ("pairs/s, expected", lambda value: f"{value:.0f}"),
}


def peaks(row: timing.Row, ranks: int) -> dict[str, float]:
    """Bytes of each card, by strategy, of what memory.py counts of one."""
    frozen = row["weight_bytes"] - row["network_bytes"]
    shared = row["network_bytes"] + row["average_bytes"] + row["gradient_bytes"] + row["state_bytes"]
    working = row["peak_fused_bytes"] - row["weight_bytes"] - row["average_bytes"] - row["state_bytes"]
    gathered = 2 * row["block_bytes"] / 2  # two blocks, half as wide
    gradients = row["block_bytes"] / 2 + row["block_bytes"]  # of one, as they come and as they are summed
    zero = zero_config(3, precision="bf16-mixed", clip=1.0, accumulate=1)["zero_optimization"]
    optimised = 2 * row["gradient_bytes"] + row["state_bytes"]  # the copy is as large as the gradients
    buckets = 2 * min(row["gradient_bytes"], FLOAT * zero["reduce_bucket_size"])
    live = min(row["network_bytes"], FLOAT * zero["stage3_max_live_parameters"])
    return {
        "single": row["peak_bytes"],
        "ddp": max(row["peak_bytes"], row["peak_fused_bytes"] + row["gradient_bytes"]),
        "fsdp": frozen + shared / ranks + working + gathered + gradients,
        "zero2": frozen + row["network_bytes"] + row["average_bytes"] + optimised / ranks + working + buckets,
        "zero3": frozen + (row["network_bytes"] + optimised) / ranks + working + buckets + live,
    }


def expected(options: argparse.Namespace, peak: float) -> dict[str, timing.Row]:
    """The rows of one size, of which `options` is."""
    counted = memory.training_bytes(options, stage="image", clips=options.pairs, frames=1, checkpointed=True)
    speed = options.pairs * options.utilization * peak * 1e12 / counted["computed_flops"]
    rows = {}
    for name, needed in peaks(counted, options.gpus).items():
        gpus = 1 if name == "single" else options.gpus
        rows[f"{options.size}, {name}, {gpus} GPU{'s' * (gpus > 1)}"] = {
            "peak_bytes": needed,
            "flops": counted["flops"] / options.pairs,
            "computed_flops": counted["computed_flops"] / options.pairs,
            "samples_per_second": speed * gpus,
        }
    return rows


def parse() -> argparse.Namespace:
    parser = timing.output_parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model", choices=["tiny", "sd15"], default="sd15", help="conf/model/dancers, or SD 1.5")
    parser.add_argument("--sizes", type=timing.positive, nargs="+", default=[256, 512, 768], help="sides in pixels")
    parser.add_argument("--pairs", type=timing.positive, default=8, help="pairs of pictures a step and card")
    parser.add_argument("--gpus", type=timing.positive, default=8, help="of all but single")
    parser.add_argument("--card", default="NVIDIA A100-SXM4-80GB", help="as CUDA names it")
    parser.add_argument("--utilization", type=float, default=0.4, help="assumed share of the card's peak")
    parser.add_argument("--dtype", choices=list(denoisers.DTYPES), default="bfloat16", help="of autocast")
    return parser.parse_args()


@reported
def main() -> None:
    options = parse()
    if not 0 < options.utilization <= 1:
        raise InputError(f"--utilization {options.utilization} is no share of the peak: from 0 to 1")
    peak = peak_tflops(options.card, {"bfloat16": "bf16", "float32": "32"}[options.dtype])
    if peak is None:
        raise InputError(f"the peak of {options.card} is not known; see PEAKS in src/humangen/callbacks/flops.py")
    rows: dict[str, timing.Row] = {}
    for size in options.sizes:
        rows |= expected(argparse.Namespace(**vars(options), size=size), peak)
    timing.report(options, rows, name="scale", device=memory.CPU, columns=COLUMNS)
    assumed = f"{options.utilization:.0%} of the {peak:g} TFLOP/s of {options.card}"
    print(f"expected at {assumed}, {options.pairs} pairs a card")


if __name__ == "__main__":
    main()

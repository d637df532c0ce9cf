"""What a training step costs when ranks train together, against one rank alone at the same batch per rank.

`alone` is rank 0 while the others sleep; in `apart` all ranks step at once and tell each other nothing, which is what
sharing a machine costs; `ddp` and `fsdp` exchange gradients, and fsdp also the network, as the strategies of those
names do. The efficiency is the time of `alone` divided by that of the variant; against `apart`, that of the exchange.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

import denoisers
import timing
from humangen.cli.errors import reported
from humangen.models.motion import motion_parameters
from humangen.strategies import shard
from humangen.types import InputError
from train import training_step

COLUMNS: timing.Columns = {
    **timing.COLUMNS,
    "efficiency": ("efficiency", lambda value: f"{value:.2f}"),
    "exchange_efficiency": ("against apart", lambda value: f"{value:.2f}"),
}


def nothing() -> None:
    pass


def in_step(step: Callable[[], object], device: torch.device) -> float:
    """Seconds of a step that all ranks begin together."""
    dist.barrier()
    return timing.timed(step, device)


def build_steps(options: argparse.Namespace, device: torch.device) -> dict[str, Callable[[], object]]:
    torch.manual_seed(0)
    parts = denoisers.build_parts(options.model)
    network = denoisers.join_parts("causal", parts).to(device).train()
    if options.frames == 1:  # a picture passes through no temporal layer, and a rank would wait for its gradients
        for parameter in motion_parameters(network):
            parameter.requires_grad_(False)
    shared = copy.deepcopy(network)
    shard(shared, init_device_mesh(device.type, (options.ranks,)))
    wrapped = DistributedDataParallel(copy.deepcopy(network), gradient_as_bucket_view=True)
    inputs = denoisers.random_inputs(
        options, parts["unet"], references=options.batch, device=device, dtype=torch.float32
    )
    steps = {}
    for name, trained in {"apart": network, "ddp": wrapped, "fsdp": shared}.items():
        optimizer = torch.optim.AdamW(parameter for parameter in trained.parameters() if parameter.requires_grad)
        steps[name] = partial(training_step, trained, optimizer, denoisers.DTYPES[options.dtype], inputs)
    return {"alone": steps["apart"] if dist.get_rank() == 0 else nothing, **steps}


def train(rank: int, options: argparse.Namespace, meeting: str) -> None:
    """One rank; the first tells."""
    torch.set_num_threads(options.threads)
    device = torch.device("cuda", rank) if options.device == "cuda" else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, init_method=meeting, rank=rank, world_size=options.ranks)
    rows = timing.measure(
        {name: partial(in_step, step, device) for name, step in build_steps(options, device).items()},
        baseline="alone",
        repeats=options.repeats,
        warmup=options.warmup,
    )
    for name, row in rows.items():
        row["samples_per_second"] = options.batch * (1 if name == "alone" else options.ranks) / row["seconds"]
        row["efficiency"] = 1 / row["ratio"]
        row["exchange_efficiency"] = rows["apart"]["ratio"] / row["ratio"]
    if rank == 0:
        timing.report(options, rows, name="ddp", baseline="alone", device=device, columns=COLUMNS)
    dist.destroy_process_group()


def parse() -> argparse.Namespace:
    parser = timing.parser(__doc__, repeats=10)
    denoisers.add_arguments(parser, batch=4)
    parser.add_argument("--ranks", type=timing.positive, default=2, help="processes; GPUs of this machine on cuda")
    parser.add_argument("--threads", type=timing.positive, default=1, help="threads of each rank")
    return denoisers.parse(parser)


@reported
def main() -> None:
    options = parse()
    there = torch.cuda.device_count()
    if options.device == "cuda" and there < options.ranks:
        raise InputError(f"this machine has {there} CUDA devices, not {options.ranks}: use --device cpu or --ranks")
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(train, (options, f"file://{Path(folder) / 'meeting'}"), nprocs=options.ranks)


if __name__ == "__main__":
    main()

"""How the benchmarks measure: variants take turns, so that what slows the machine slows them all."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from humangen.media import replacing
from humangen.types import InputError

Row = dict[str, float]  # what is known of one variant, by the names in `COLUMNS`

Columns = Mapping[str, tuple[str, Callable[[float], str]]]  # heading, and how a figure is written


def gibibytes(value: float) -> str:
    return f"{value / 2**30:.2f} GiB"


COLUMNS: Columns = {
    "seconds": ("time", lambda value: f"{1000 * value:.1f} ms"),
    "spread": ("spread", lambda value: f"{100 * value:.0f} %"),
    "ratio": ("ratio", lambda value: f"{value:.2f}"),
    "samples_per_second": ("samples/s", lambda value: f"{value:.2f}"),
    "clips_per_second": ("clips/s", lambda value: f"{value:.1f}"),
    "frames_per_second": ("frames/s", lambda value: f"{value:.1f}"),
    "flops": ("GFLOP", lambda value: f"{value / 1e9:.1f}"),
    "flops_per_second": ("TFLOP/s", lambda value: f"{value / 1e12:.3g}"),
    "parameters": ("parameters", lambda value: f"{value / 1e6:.1f} M"),
    "peak_bytes": ("peak memory", gibibytes),
}


def output_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the one argument that all benchmarks share."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--output", type=Path, help="JSON file to write")
    return made


def parser(description: str | None, *, repeats: int) -> argparse.ArgumentParser:
    """A parser with the arguments that all benchmarks of speed share."""
    made = output_parser(description)
    made.add_argument("--repeats", type=positive, default=repeats, help="rounds that are timed")
    made.add_argument("--warmup", type=positive, default=2, help="rounds before them that are not")
    return made


def positive(text: str) -> int:
    """A whole number from 1 up, from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def timed(function: Callable[[], object], device: torch.device) -> float:
    """Seconds that one call takes, the device's queue included."""
    synchronise(device)
    start = perf_counter()
    function()
    synchronise(device)
    return perf_counter() - start


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(variants: Mapping[str, Callable[[], float]], *, baseline: str, repeats: int, warmup: int) -> dict[str, Row]:
    """Median and best seconds, spread and ratio of variants that each return the seconds they took.

    Every round runs each variant once; the best is the round that other work on the machine disturbed least. The ratio
    is the median over rounds of the time divided by the baseline's in the same round; the spread is the interquartile
    range divided by the median.
    """
    for _ in range(warmup):
        for variant in variants.values():
            variant()
    rounds = np.array([[variant() for variant in variants.values()] for _ in range(repeats)])
    low, middle, high = np.percentile(rounds, (25, 50, 75), axis=0)
    ratios = np.median(rounds / rounds[:, [list(variants).index(baseline)]], axis=0)
    return {
        name: {
            "seconds": float(middle[column]),
            "best_seconds": float(rounds[:, column].min()),
            "spread": float((high[column] - low[column]) / middle[column]),
            "ratio": float(ratios[column]),
        }
        for column, name in enumerate(variants)
    }


def peak_memory(function: Callable[[], object], device: torch.device, *, others: int = 0) -> Row:
    """The most bytes that were allocated on a CUDA device during one call, weights included, less the `others` bytes
    of weights that lie there for other variants; on other devices nothing."""
    if device.type != "cuda":
        return {}
    torch.cuda.reset_peak_memory_stats(device)
    timed(function, device)
    return {"peak_bytes": torch.cuda.max_memory_allocated(device) - others}


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures depend on besides the program."""
    described = {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    if device.type == "cuda":
        described["gpu"] = torch.cuda.get_device_name(device)
    return described


def cpu_name() -> str:
    """The processor's model name where the system tells it, else its architecture."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def choose_device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("this machine has no CUDA device: use --device cpu")
    return torch.device(name)


def report(
    options: argparse.Namespace,
    rows: Mapping[str, Row],
    *,
    name: str,
    device: torch.device,
    baseline: str | None = None,
    columns: Columns = COLUMNS,
) -> None:
    """Prints the table, and writes the JSON where `--output` says. Ratios, if there are any, are to `baseline`."""
    about = machine(device)
    given = {key: value for key, value in vars(options).items() if key != "output"}
    shown = [column for column in columns if any(column in row for row in rows.values())]
    place = f"{about.get('gpu', about['cpu'])}, {about['threads']} threads, torch {about['torch']}"
    table = Table(title=f"{name}: ratios to {baseline}" if baseline else name, caption=place)
    table.add_column("variant", no_wrap=True)
    for column in shown:
        table.add_column(columns[column][0], justify="right")
    for variant, row in rows.items():
        cells = (columns[column][1](row[column]) if column in row else "" for column in shown)
        table.add_row(variant, *cells)
    Console().print(table)
    if options.output:
        content = {
            "benchmark": name,
            "machine": about,
            "arguments": given,
            **({"baseline": baseline} if baseline else {}),
            "variants": rows,
        }
        with replacing(options.output) as temporary:
            temporary.write_text(json.dumps(content, indent=1, default=str) + "\n")

"""Scoring a pipeline on held-out samples against the truth, beside floors and a ceiling."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

from humangen.build import build
from humangen.inference.painter import Painter
from humangen.media import replacing
from humangen.metrics.samples import SampleScores, Table
from humangen.models.codec import weights_hash
from humangen.predictions import Predictions

INTERVAL_SEED = 0


@dataclass(frozen=True)
class Protocol:
    """What makes numbers comparable: results of other protocols or versions are other numbers."""

    id: str
    version: int


@dataclass
class Scored:
    """How each way to paint did, by its name, and what it was measured on."""

    scores: dict[str, SampleScores]
    shape: tuple[int, ...]  # F, 3, H, W of every sample

    @property
    def table(self) -> Table:
        return self.scores["painted"].table()


def score(painter: Painter, batches: Iterable[Any], folder: Path, settings: dict[str, Any]) -> tuple[Scored, float]:
    """The scores of all that `painter` paints of `batches`, and the seconds that a sample took. What is painted is kept
    in `folder`, and not painted again."""
    kinds = {"painted": painter.paint, "isolated": painter.paint_isolated}
    kept = {name: Predictions(folder, settings | {"painting": name}) for name in kinds}
    scores: dict[str, SampleScores] = {}
    shape: tuple[int, ...] = ()
    for batch in batches:
        batch = batch.to(painter.device)
        shape = tuple(painter.truth(batch).shape[1:])
        painted = {
            name: kept[name].paint(batch.keys, partial(paint, batch), painter.device) for name, paint in kinds.items()
        }
        painted |= painter.variants(painted["painted"], batch) | painter.bounds(batch)
        for name, pixels in painted.items():
            metric = scores.setdefault(name, painter.scores().to(painter.device))
            painter.compare(metric, pixels, batch)
    return Scored(scores, shape), kept["painted"].seconds() or 0.0


def evaluate(
    painter: Painter, batches: Iterable[Any], protocol: Protocol, data_sha256: str, folder: Path
) -> dict[str, Any]:
    """A result: the painter's scores, those of the floors and the ceiling, and what is needed to trust them."""
    began = time.perf_counter()
    settings = {
        "protocol": asdict(protocol),
        "data_sha256": data_sha256,
        "denoiser_sha256": weights_hash(painter.pipeline.denoiser),
        "codec_sha256": weights_hash(painter.pipeline.codec),
        "sampler": asdict(painter.sampler),
        "guidance": painter.guidance,
        "seed": painter.seed,
    }
    scored, seconds = score(painter, batches, folder, settings)
    table = scored.table
    means = {name: metric.compute() for name, metric in scored.scores.items()}
    bounds = {*painter.floors, *painter.ceilings}
    return {
        **means["painted"],
        "intervals": {name: list(ends) for name, ends in table.intervals(seed=INTERVAL_SEED).items()},
        "variants": {name: values for name, values in means.items() if name != "painted" and name not in bounds},
        "floors": {name: means[name] for name in painter.floors},
        "ceilings": {name: means[name] for name in painter.ceilings},
        **settings,
        "samples": len(table.keys),
        "frames_per_clip": scored.shape[0],
        "resolution": scored.shape[-2:],
        "keys_sha256": hashlib.sha256("\n".join(sorted(table.keys)).encode()).hexdigest(),
        "seconds_per_sample": seconds,
        "seconds": time.perf_counter() - began,
        "peak_memory_gb": peak_memory_gb(),
        "torch": torch.__version__,
    }


def run_protocol(painter: Painter, protocol: dict[str, Any], output: Path, folder: Path) -> dict[str, Any]:
    """Scores by a protocol's configuration, and leaves result.json and some pictures in `output`; what is painted is
    kept in `folder`."""
    data = build(protocol["data"])

    def batches() -> Iterator[Any]:
        return data.batches(data.test_dataloader(), painter.device)

    shown = track(batches(), "painting and scoring")
    result = evaluate(painter, shown, build(protocol["definition"]), fingerprint(data, protocol["data"]), folder)
    painter.keep(next(batches()), output / "clips")
    write_result(output / "result.json", result)
    return result


def fingerprint(data: Any, config: dict[str, Any]) -> str:
    """sha256 of what is scored: the shards of the test split, and how samples are made of them."""
    made = {name: value for name, value in config.items() if name not in ("shards", "batch_size", "eval_batch_size")}
    shards = [shard.sha256 for shard in data.test_index().shards]
    return hashlib.sha256(json.dumps([shards, made], sort_keys=True).encode()).hexdigest()


def peak_memory_gb() -> float:
    """The most memory this process has held, in 10^9 bytes: on the CUDA device if it used one, else resident."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def write_result(path: Path, result: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n")

"""Scoring a pipeline on held-out clips against the truth, beside floors and a ceiling."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from humangen.build import build
from humangen.inference.painter import Painter, keep_clips, repeat_reference
from humangen.media import replacing
from humangen.metrics.suite import FrameScores
from humangen.models.codec import weights_hash
from humangen.types import AnimationBatch

Paint = Callable[[AnimationBatch], Tensor]


@dataclass(frozen=True)
class Protocol:
    """What makes numbers comparable: results of other protocols or versions are other numbers."""

    id: str
    version: int


def score(
    batches: Iterable[AnimationBatch], paintings: dict[str, Paint], device: torch.device
) -> dict[str, dict[str, float]]:
    """The scores of several ways to paint the same batches, by their names."""
    scores = {name: FrameScores().to(device) for name in paintings}
    for batch in batches:
        batch = batch.to(device)
        for name, paint in paintings.items():
            scores[name].update(paint(batch), batch.target, batch.figure)
    return {name: metric.compute() for name, metric in scores.items()}


def evaluate(painter: Painter, batches: Iterable[AnimationBatch], protocol: Protocol) -> dict[str, Any]:
    """A result: the painter's scores, those of the floors and the ceiling, and what is needed to trust them."""
    keys: list[str] = []
    shape: list[int] = []
    began = time.perf_counter()

    def noted() -> Iterator[AnimationBatch]:
        for batch in batches:
            keys.extend(batch.keys)
            shape[:] = batch.target.shape[1:]
            yield batch

    scores = score(
        noted(),
        {
            "painted": painter.paint,
            "isolated": painter.paint_isolated,
            "repeat_reference": repeat_reference,
            "codec": painter.round_trip,
        },
        painter.device,
    )
    return {
        **scores["painted"],
        "floors": {"repeat_reference": scores["repeat_reference"], "isolated": scores["isolated"]},
        "ceilings": {"codec": scores["codec"]},
        "protocol": asdict(protocol),
        "clips": len(keys),
        "frames_per_clip": shape[0],
        "resolution": shape[-2:],
        "keys_sha256": hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest(),
        "denoiser_sha256": weights_hash(painter.pipeline.denoiser),
        "codec_sha256": weights_hash(painter.pipeline.codec),
        "sampler": asdict(painter.sampler),
        "guidance": painter.guidance,
        "seed": painter.seed,
        "seconds": time.perf_counter() - began,
        "peak_memory_gb": peak_memory_gb(),
        "torch": torch.__version__,
    }


def run_protocol(painter: Painter, protocol: dict[str, Any], output: Path) -> dict[str, Any]:
    """Scores by a protocol's configuration, and leaves result.json and some moving pictures in `output`."""
    data = build(protocol["data"])

    def batches() -> Iterator[AnimationBatch]:
        return data.batches(data.test_dataloader(), painter.device)

    result = evaluate(painter, track(batches(), "painting and scoring"), build(protocol["definition"]))
    keep_clips(painter, next(batches()), output / "clips")
    write_result(output / "result.json", result)
    return result


def peak_memory_gb() -> float:
    """The most memory this process has held, in 10^9 bytes: on the CUDA device if it used one, else resident."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def write_result(path: Path, result: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n")

"""Scoring a pipeline on held-out samples against the truth, beside floors and a ceiling."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

from humangen.build import build
from humangen.inference.painter import Painter
from humangen.media import replacing
from humangen.metrics.measure import Measure
from humangen.metrics.protocols import Protocol
from humangen.models.codec import weights_hash
from humangen.predictions import Predictions
from humangen.types import first_samples

INTERVAL_SEED, KEPT_PICTURES = 0, 6
BATCHING = ("batch_size", "eval_batch_size", "num_workers")  # what no number depends on


@dataclass(frozen=True)
class Exam:
    """Samples and the protocol they are scored by. `data_sha256` is of the shards and of how samples come of them."""

    protocol: Protocol
    data: Any  # a ShardData
    data_sha256: str

    @classmethod
    def of(cls, config: dict[str, Any]) -> Exam:
        """By a protocol's configuration."""
        data = build(config["data"])
        own = {name: value for name, value in config["data"].items() if name not in ("shards", *BATCHING)}
        shards = [shard.sha256 for shard in data.test_index().shards]
        digest = hashlib.sha256(json.dumps([shards, own], sort_keys=True).encode()).hexdigest()
        return cls(build(config["definition"]), data, digest)

    def batches(self, device: torch.device) -> Iterator[Any]:
        return self.data.batches(self.data.test_dataloader(), device)

    def facts(self) -> dict[str, Any]:
        """What a result must say of it."""
        protocol = self.protocol
        about = {"id": protocol.id, "version": protocol.version, "metrics": list(protocol.metrics)}
        return {"protocol": about | {"windows": asdict(protocol.windows)}, "data_sha256": self.data_sha256}


def score(
    painter: Painter, exam: Exam, folder: Path, settings: dict[str, Any]
) -> tuple[dict[str, Measure], dict[str, Any]]:
    """The measure of each way to paint by its name, and facts of the samples. What is painted is kept in `folder`, and
    not painted again."""
    protocol, device = exam.protocol, painter.device
    kinds = {"painted": painter.paint, "isolated": painter.paint_isolated}
    kept = {name: Predictions(folder, settings | {"painting": name}) for name in kinds}
    measures: dict[str, Measure] = {}
    facts: dict[str, Any] = {}
    for batch in track(exam.batches(device), "painting and scoring"):
        paintings = {name: kept[name].paint(batch.keys, partial(paint, batch), device) for name, paint in kinds.items()}
        truth = protocol.truth(batch)
        paintings |= protocol.variants(paintings["painted"], batch) | protocol.bounds(batch)
        paintings["codec"] = painter.round_trip(truth)
        if not measures:
            measures = {name: each.to(device) for name, each in protocol.measures([*paintings]).items()}
            facts = {"frames_per_clip": truth.shape[1], "resolution": list(truth.shape[-2:])}
        for name, pixels in paintings.items():
            protocol.compare(measures[name], pixels, batch)
    return measures, facts | {"seconds_per_sample": kept["painted"].seconds()}


def evaluate(painter: Painter, exam: Exam, folder: Path) -> dict[str, Any]:
    """A result: the painter's scores, those of the floors and the ceiling, and what is needed to trust them."""
    began = time.perf_counter()
    settings = {
        **exam.facts(),
        "denoiser_sha256": weights_hash(painter.pipeline.denoiser),
        "codec_sha256": weights_hash(painter.pipeline.codec),
        "sampler": asdict(painter.sampler),
        "guidance": painter.guidance,
        "seed": painter.seed,
    }
    measures, facts = score(painter, exam, folder, settings)
    protocol = exam.protocol
    bounds = {"painted", *protocol.floors, *protocol.ceilings}
    return {
        **scored(measures["painted"]),
        "variants": {name: each.compute() for name, each in measures.items() if name not in bounds},
        "floors": {name: measures[name].compute() for name in protocol.floors},
        "ceilings": {name: measures[name].compute() for name in protocol.ceilings},
        **settings,
        **facts,
        "seconds": time.perf_counter() - began,
        "peak_memory_gb": peak_memory_gb(),
        "torch": torch.__version__,
    }


def scored(measure: Measure) -> dict[str, Any]:
    """What a result says of one measure: `scores` by name, their intervals, and of which samples they are."""
    table = measure.table()
    return {
        "scores": measure.compute(),
        "intervals": {name: list(ends) for name, ends in table.intervals(seed=INTERVAL_SEED).items()},
        "networks": measure.details(),
        "samples": len(table.keys),
        "keys_sha256": hashlib.sha256("\n".join(table.keys).encode()).hexdigest(),
        "per_sample": table.samples(),
    }


def run_protocol(painter: Painter, config: dict[str, Any], output: Path, folder: Path) -> dict[str, Any]:
    """Scores by a protocol's configuration, and leaves result.json, the scores of each sample in samples.json and some
    pictures in `output`; what is painted is kept in `folder`."""
    exam = Exam.of(config)
    result = evaluate(painter, exam, folder)
    batch = first_samples(next(exam.batches(painter.device)), KEPT_PICTURES)
    painter.keep({"painted": painter.paint(batch), "isolated": painter.paint_isolated(batch)}, batch, output / "clips")
    write_result(output / "samples.json", result.pop("per_sample"))
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

"""Scoring a pipeline, or what another system painted, against the truth: beside floors and a ceiling."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from humangen.build import build
from humangen.cases import keep_cases
from humangen.data.module import READING
from humangen.data.stream import Stream
from humangen.inference.painter import Painter
from humangen.inference.ranks import OneRank, Ranks
from humangen.media import replacing
from humangen.metrics.measure import Measure
from humangen.metrics.protocols import Protocol
from humangen.metrics.registry import hashes
from humangen.models.codec import weights_hash
from humangen.models.described import described
from humangen.models.speed import compute_in, device_name, precision_on
from humangen.predictions import Painting, Predictions
from humangen.types import InputError

INTERVAL_SEED = 0
BATCHING = ("batch_size", *READING)  # what no number depends on


@dataclass(frozen=True)
class Exam:
    """Samples and the protocol they are scored by, on all `ranks` together; networks of metrics lie in `weights`."""

    protocol: Protocol
    data: Any  # a ShardData
    data_sha256: str
    ranks: Ranks
    weights: Path | None

    @classmethod
    def of(cls, config: dict[str, Any], ranks: Ranks | None = None, weights: str | None = None) -> Exam:
        """By a protocol's configuration."""
        data, ranks = build(config["data"]), ranks or OneRank()
        data.part = Stream(ranks.index, ranks.count)
        own = {name: value for name, value in config["data"].items() if name not in ("shards", *BATCHING)}
        shards = [shard.sha256 for shard in data.test_index().shards]
        digest = hashlib.sha256(json.dumps([shards, own], sort_keys=True).encode()).hexdigest()
        return cls(build(config["definition"]), data, digest, ranks, Path(weights) if weights else None)

    @classmethod
    def of_folder(cls, config: dict[str, Any], data_sha256: str, weights: str | None = None) -> Exam:
        """Of truths that lie in a folder, and not in shards."""
        return cls(build(config["definition"]), None, data_sha256, OneRank(), Path(weights) if weights else None)

    def batches(self, device: torch.device) -> Iterator[Any]:
        return self.data.batches(self.data.test_dataloader(), device)

    def all_batches(self, device: torch.device) -> Iterator[Any]:
        """Those of the other ranks too."""
        data = copy(self.data)
        data.part = Stream(0, 1)
        return data.batches(data.test_dataloader(), device)

    def measures(self, paintings: Sequence[str], device: torch.device) -> dict[str, Measure]:
        made = self.protocol.measures(paintings, self.weights)
        return {name: measure.to(device) for name, measure in made.items()}

    def shown(self, batches: Iterable[Any]) -> Iterable[Any]:
        """With a progress bar, on one rank."""
        return track(batches, "painting and scoring", disable=self.ranks.index > 0)

    def facts(self) -> dict[str, Any]:
        """What a result must say of it."""
        protocol = self.protocol
        about = {"id": protocol.id, "version": protocol.version, "metrics": list(protocol.metrics)}
        about |= {"samples": protocol.samples} if protocol.samples else {}
        return {"protocol": about | {"windows": asdict(protocol.windows)}, "data_sha256": self.data_sha256}


def frames_per_clip(frames: dict[str, int]) -> int | dict[str, Any]:
    """The number of frames that all clips have; where they differ, the least and the most, and a hash of them all."""
    least, most = min(frames.values()), max(frames.values())
    if least == most:
        return least
    told = "\n".join(f"{key} {frames[key]}" for key in sorted(frames))
    return {"least": least, "most": most, "sha256": hashlib.sha256(told.encode()).hexdigest()}


def lacking(result: dict[str, Any]) -> str | None:
    """A sentence where a result is not of as many samples as its protocol has."""
    if result.get("complete", True):
        return None
    protocol, samples = result["protocol"], result["samples"]
    return (
        f"protocol {protocol['id']} has {protocol['samples']} samples, and {samples} were scored: the result is marked "
        "as incomplete, and compares only with results of the same samples"
    )


def mixed(result: dict[str, Any]) -> str | None:
    """A sentence where what was scored was painted on several devices."""
    devices = result.get("painted_on", [])
    if len(devices) < 2:
        return None
    return (
        f"what was painted is of {' and '.join(devices)}, which round differently: the seconds a sample are a mean "
        "over them; name another folder with painted=DIR to paint all of it here"
    )


def settings_of(painter: Painter, precision: str, data_sha256: str) -> dict[str, Any]:
    """All that paintings depend on; the metrics of a protocol are no part of it. Weights are told as they were before
    they were cast to `precision`."""
    return {
        "data_sha256": data_sha256,
        "denoiser_sha256": weights_hash(painter.pipeline.denoiser),
        "codec_sha256": weights_hash(painter.pipeline.codec),
        "image_encoder_sha256": painter.pipeline.encoder_hashes[1],
        "pipeline": described(painter.pipeline, painter.sampler.solver),
        "precision": precision,
        "sampler": asdict(painter.sampler),
        "guidance": painter.guidance,
        "seed": painter.seed,
    }


def score(painter: Painter, painting: dict[str, Painting], exam: Exam) -> tuple[dict[str, Measure], dict[str, Any]]:
    """The measure of each way to paint by its name, and facts of the samples."""
    protocol = exam.protocol
    names = dict.fromkeys(("painted", *protocol.variations, *protocol.floors, *protocol.ceilings))
    measures = exam.measures([*names], painter.device)
    facts: dict[str, Any] = {}
    for batch in exam.shown(exam.batches(painter.device)):
        paintings = painted(painting, batch)
        truth = protocol.truth(batch)
        paintings |= protocol.variants(paintings["painted"], batch) | protocol.bounds(batch)
        paintings["codec"] = painter.round_trip(truth)
        facts["resolution"] = list(truth.shape[-2:])
        for name, measure in measures.items():
            protocol.compare(measure, paintings[name], batch)
    return measures, facts


def run_protocol(
    painter: Painter, exam: Exam, output: Path, folder: Path, precision: str | None = None
) -> dict[str, Any]:
    """Scores the painter beside floors and a ceiling, and leaves result.json, the scores of each sample in samples.json
    and some pictures in `output`. What is painted is kept in `folder`, and not painted again.

    The painter's pipeline has float32 weights and is cast to `precision`, as `precision_on` takes it.
    """
    began, precision = time.perf_counter(), precision_on(painter.device, precision)
    settings = settings_of(painter, precision, exam.data_sha256)
    compute_in(painter.pipeline, precision)
    painting = {
        name: Painting(paint, Predictions(folder, settings | {"painting": name}), painter.device)
        for name, paint in (("painted", painter.paint), ("isolated", painter.paint_isolated))
    }
    measures, facts = score(painter, painting, exam)
    kept = painting["painted"].kept
    facts |= {"painted": str(kept.folder.resolve()), "painted_on": kept.devices()}
    facts |= {"seconds_per_sample": kept.seconds()}
    result = {**result_of(measures, exam), **exam.facts(), **settings, **facts, **costs(began)}
    if exam.ranks.index == 0:
        batches = exam.all_batches(painter.device)
        keep_cases(exam.protocol, batches, partial(painted, painting), result["per_sample"], output / "clips")
        leave(result, output)
    return result


def painted(painting: dict[str, Painting], batch: Any) -> dict[str, Tensor]:
    return {name: paint(batch) for name, paint in painting.items()}


def result_of(measures: dict[str, Measure], exam: Exam) -> dict[str, Any]:
    """What a result says of the measures by name: `scores` of what was painted with their intervals, of which
    samples they are, and which `networks` looked at them; then those of all else, whose intervals are apart. Raises
    `InputError` where there was no sample."""
    protocol, frames = exam.protocol, measures["painted"].frames()
    if not frames:
        raise InputError(f"protocol {protocol.id} finds no sample to score: see protocol.data")
    others = {name: measure.compute() for name, measure in measures.items()}
    intervals = {name: measure.intervals(seed=INTERVAL_SEED) for name, measure in measures.items()}
    return {
        "scores": others["painted"],
        "intervals": intervals.pop("painted"),
        "intervals_beside": intervals,
        "networks": {
            name: details | {"files": hashes(name)} for name, details in measures["painted"].details().items()
        },
        "samples": len(frames),
        **({"complete": len(frames) == protocol.samples} if protocol.samples else {}),
        "frames_per_clip": frames_per_clip(frames),
        "keys_sha256": hashlib.sha256("\n".join(sorted(frames)).encode()).hexdigest(),
        "per_sample": measures["painted"].samples(),
        "variants": {name: others[name] for name in protocol.variations if name in others},
        "floors": {name: others[name] for name in protocol.floors if name in others},
        "ceilings": {name: others[name] for name in protocol.ceilings if name in others},
    }


def leave(result: dict[str, Any], output: Path) -> None:
    """Writes a result's two files."""
    write_result(output / "samples.json", result.pop("per_sample"))
    write_result(output / "result.json", result)


def costs(began: float) -> dict[str, Any]:
    on_cuda = torch.cuda.is_available() and torch.cuda.max_memory_allocated()
    return {
        "device": device_name(torch.device("cuda" if on_cuda else "cpu")),
        "seconds": time.perf_counter() - began,
        "peak_memory_gb": peak_memory_gb(),
        "torch": torch.__version__,
    }


def peak_memory_gb() -> float:
    """The most memory this process has held, in 10^9 bytes: on the CUDA device if it used one, else resident."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def write_result(path: Path, result: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")

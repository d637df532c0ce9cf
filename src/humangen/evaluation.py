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
from torch import Tensor, nn

from humangen.diffusion.sample import Sampler
from humangen.inference.animate import animate
from humangen.media import replacing
from humangen.metrics.suite import FrameScores
from humangen.models.pipeline import Pipeline
from humangen.types import AnimationBatch, Condition, Reference

Paint = Callable[[AnimationBatch], Tensor]


@dataclass(frozen=True)
class Protocol:
    """What makes numbers comparable: results of other protocols or versions are other numbers."""

    id: str
    version: int


@dataclass(frozen=True)
class Painter:
    """A pipeline and how it is sampled."""

    pipeline: Pipeline
    sampler: Sampler
    guidance: float = 1.0
    seed: int = 0

    def paint(self, batch: AnimationBatch) -> Tensor:
        """The batch's clips (K, F, 3, H, W) in [-1, 1], painted from its references."""
        reference = self.pipeline.encode_reference(batch.reference, batch.reference_pose)
        return self._animate(batch, reference)

    def paint_isolated(self, batch: AnimationBatch) -> Tensor:
        """Floor: the same weights under scheme `isolated`."""
        return self._animate(batch, None)

    def round_trip(self, batch: AnimationBatch) -> Tensor:
        """Ceiling: the truth through the codec and back."""
        latents = self.pipeline.encode_clips(batch.target)
        return self.pipeline.codec.decode(latents.flatten(0, 1)).view_as(batch.target)

    def _animate(self, batch: AnimationBatch, reference: Reference | None) -> Tensor:
        tokens = self.pipeline.image_encoder.null(len(batch.target)).to(batch.target)
        condition = Condition(batch.target_pose, tokens)
        if reference is not None:
            condition = self.pipeline.condition(reference, batch.target_pose)
        options = {"sampler": self.sampler, "guidance": self.guidance, "seed": self.seed}
        return animate(self.pipeline, reference, condition, keys=batch.keys, **options)


def repeat_reference(batch: AnimationBatch) -> Tensor:
    """Floor: the reference picture, whatever the pose."""
    clips = batch.reference.repeat_interleave(len(batch.target) // len(batch.reference), dim=0)
    return clips[:, None].expand_as(batch.target)


def score(batches: Iterable[AnimationBatch], paintings: dict[str, Paint]) -> dict[str, dict[str, float]]:
    """The scores of several ways to paint the same batches, by their names."""
    scores = {name: FrameScores() for name in paintings}
    for batch in batches:
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


def weights_hash(module: nn.Module) -> str:
    """sha256 over the names and bytes of a module's parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def peak_memory_gb() -> float:
    """The most memory this process has held, in 10^9 bytes: on the CUDA device if there is one, else resident."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def write_result(path: Path, result: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n")

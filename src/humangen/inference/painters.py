"""Which painter a pipeline needs."""

from __future__ import annotations

from typing import Any

from humangen.inference.animation_painter import AnimationPainter
from humangen.inference.painter import Painter
from humangen.inference.tryon_painter import TryOnPainter
from humangen.models.pipeline import Pipeline
from humangen.models.tryon import TryOnPipeline


def painter_of(pipeline: Pipeline, *sampling: Any) -> Painter:
    """The painter of the job that `pipeline` was trained for; `sampling` as `Painter` takes it."""
    kind = TryOnPainter if isinstance(pipeline, TryOnPipeline) else AnimationPainter
    return kind(pipeline, *sampling)  # type: ignore[arg-type]

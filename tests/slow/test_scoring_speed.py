"""What scoring costs: 256 frames of 256x256 by all metrics that need no network, and by those of try-on."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import pytest
import torch

from humangen.metrics.region import RegionScores
from humangen.metrics.suite import CLIP, MAPPED, WHOLE, FrameScores

pytestmark = pytest.mark.slow
CLIPS, FRAMES, SIZE = 16, 16, 256


def clip() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(FRAMES, 3, SIZE, SIZE, generator=generator) * 2 - 1
    figure = torch.zeros(FRAMES, 1, SIZE, SIZE, dtype=torch.bool)
    figure[..., SIZE // 3 : SIZE * 2 // 3] = True
    return truth + 0.1 * torch.randn(truth.shape, generator=generator), truth, figure


def frames() -> Callable[[str], None]:
    metric, (painted, truth, figure) = FrameScores((*MAPPED, *WHOLE, *CLIP)), clip()
    return lambda key: metric.update(painted[None], truth[None], figure[None, :, 0], keys=[key])


def regions() -> Callable[[str], None]:
    metric, (painted, truth, region) = RegionScores(), clip()
    names = range(FRAMES)
    return lambda key: metric.update(
        painted, truth, region, worn=region, old=-truth, keys=[f"{key}-{name}" for name in names]
    )


@pytest.mark.parametrize(("kind", "seconds"), [(frames, 10), (regions, 20)])
def test_it_is_quick_and_takes_no_more_memory_for_more_clips(
    kind: Callable[[], Callable[[str], None]], seconds: float
) -> None:
    """In seconds of one core, which a busy machine does not make longer."""
    score = kind()
    score("first")
    held, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for number in range(CLIPS):
        score(str(number))
    spent = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) * 1024
    print(f"{spent:.1f} s, {grown / 2**20:.0f} MiB")
    assert spent < seconds
    assert grown < 100 * 2**20

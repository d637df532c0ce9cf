"""The shipped network's distances grow with what is done to drawn dancers, and are 0 where nothing was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from humangen.data.dancers import render_clip
from humangen.metrics.features_dancers import clip_features
from humangen.metrics.frechet import FrechetDistance
from humangen.metrics.registry import available
from humangen.metrics.registry_files import DANCERS
from humangen.metrics.registry_store import located, sha256_of

HELD_OUT, PEOPLE, FRAMES, SIZE = 3_000_000, 24, 6, 64


def drawn(people: range) -> Tensor:
    """Clips (K, F, 3, H, W) in [-1, 1] of the people of these seeds, each in a dance of their own."""
    clips = [torch.from_numpy(render_clip(person, person, FRAMES, 4.0, SIZE, SIZE).frames) for person in people]
    return torch.stack(clips).permute(0, 1, 4, 2, 3) / 127.5 - 1


@pytest.fixture(scope="module")
def truth() -> Tensor:
    return drawn(range(HELD_OUT, HELD_OUT + PEOPLE))


@pytest.fixture(scope="module")
def strangers() -> Tensor:
    return drawn(range(HELD_OUT + PEOPLE, HELD_OUT + 2 * PEOPLE))


@pytest.fixture(scope="module")
def metrics() -> dict[str, FrechetDistance]:
    found, lacking = available(["fd_dancers", "fvd_dancers"])
    assert not lacking
    return found  # type: ignore[return-value]


def distance(metric: FrechetDistance, prediction: Tensor, truth: Tensor) -> float:
    metric.reset()
    metric.update(prediction, truth)
    return metric.compute()["value"]


def blurred(clips: Tensor, sigma: float) -> Tensor:
    return gaussian_blur(clips.flatten(0, 1), [9, 9], [sigma, sigma]).unflatten(0, clips.shape[:2])


def noisy(clips: Tensor, deviation: float) -> Tensor:
    return clips + deviation * torch.randn(clips.shape, generator=torch.Generator().manual_seed(0))


def test_the_shipped_file_is_the_recorded_one(tmp_path: Path) -> None:
    path = located(DANCERS, tmp_path)
    assert path.stat().st_size == DANCERS.num_bytes < 1_000_000
    assert sha256_of(path) in (path.parent / "CARD.md").read_text()


@pytest.mark.parametrize("name", ["fd_dancers", "fvd_dancers"])
@pytest.mark.parametrize(("spoil", "amounts"), [(blurred, (0.4, 0.7, 1.2, 2.0)), (noisy, (0.03, 0.08, 0.2, 0.4))])
def test_they_grow_with_damage(
    metrics: dict[str, FrechetDistance], truth: Tensor, name: str, spoil: Callable[[Tensor, float], Tensor],
    amounts: tuple[float, ...],
) -> None:  # fmt: skip
    metric = metrics[name]
    values = [distance(metric, truth.clone(), truth), *(distance(metric, spoil(truth, a), truth) for a in amounts)]
    print(name, spoil.__name__, [round(value, 3) for value in values])
    assert values[0] == pytest.approx(0, abs=1e-3)
    assert values == sorted(values)
    assert values[-1] > 5 * values[1] > 0


@pytest.mark.parametrize("name", ["fd_dancers", "fvd_dancers"])
def test_they_grow_with_the_share_of_wrong_people(
    metrics: dict[str, FrechetDistance], truth: Tensor, strangers: Tensor, name: str
) -> None:
    values = [distance(metrics[name], torch.cat([strangers[:wrong], truth[wrong:]]), truth) for wrong in (0, 6, 12, 24)]
    print(name, [round(value, 3) for value in values])
    assert values == sorted(values)
    assert values[-1] > 2 * values[1] > 0


def test_clips_are_told_apart_by_their_motion(metrics: dict[str, FrechetDistance], truth: Tensor) -> None:
    """Frames in another order: the same to the distance of frames, not to that of clips."""
    shuffled = truth[:, [3, 0, 4, 1, 5, 2]]
    assert distance(metrics["fd_dancers"], shuffled, truth) == pytest.approx(0, abs=1e-3)
    assert distance(metrics["fvd_dancers"], shuffled, truth) > 0.1


def test_features_of_clips() -> None:
    features = torch.tensor([[[1.0, 2.0], [3.0, 2.0], [3.0, 2.0]]])
    expected = [7 / 3, 2, 2**0.5, 0]
    assert clip_features(features)[0].tolist() == pytest.approx(expected)
    assert clip_features(features[:, :1])[0].tolist() == [1, 2, 0, 0]

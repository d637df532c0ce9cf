"""Passes that are played back are the passes themselves. What torch records on a CUDA device is played here by its
rules: all that may change between passes goes through the memory that the recording knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from humangen.models.denoiser import RowDenoiser
from humangen.models.recording import record_passes
from humangen.types import Condition, InputError
from tests.conftest import tiny_denoiser, tiny_inputs

Call = Callable[..., Tensor]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The results of recordings, one each, which every pass writes over."""
    results: list[Tensor] = []

    def record(run: Call, memory: tuple[Tensor, ...], num_warmup_iters: int) -> Call:
        result = run(*memory).clone()
        results.append(result)

        def play(*given: Tensor) -> Tensor:
            for known, value in zip(memory, given, strict=True):
                known.copy_(value)
            return result.copy_(run(*memory))

        return play

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", record)
    return results


def two() -> tuple[RowDenoiser, RowDenoiser]:
    """The same denoiser twice; the passes of the second are played back."""
    eager, played = tiny_denoiser(), tiny_denoiser()
    played.load_state_dict(eager.state_dict())
    record_passes(played)
    return eager, played


@torch.no_grad()
def test_all_that_changes_is_told_and_nothing_is_recorded_twice(recorded: list[Tensor]) -> None:
    eager, played = two()
    noisy, timestep, condition, reference = tiny_inputs()
    caches = eager.read(reference), eager.read(replace(reference, latents=reference.latents.flip(0)))
    conditions = condition, Condition(condition.pose.flip(-1), condition.tokens + 1), eager.encode_pose(condition)
    for cache in caches:
        for each in conditions:
            for way in (cache, None):
                for step in (noisy, noisy + 1):
                    expected = eager(step, timestep, each, way)
                    assert torch.equal(played(step, timestep, each, way), expected)
                    assert torch.equal(played(step, timestep - 1, each, way), eager(step, timestep - 1, each, way))
    # with a picture of the pose and with its features: once for nobody, once for each reference
    assert len(recorded) == 2 * (1 + len(caches))


@torch.no_grad()
def test_what_is_given_back_stays_and_other_shapes_are_recorded_anew(recorded: list[Tensor]) -> None:
    eager, played = two()
    first = played(*tiny_inputs()[:3], None)
    kept = first.clone()
    noisy, timestep, condition, _ = tiny_inputs()
    played(noisy * 2, timestep, condition, None)
    assert torch.equal(first, kept)
    noisy, timestep, condition, _ = tiny_inputs(references=1, clips=1, frames=3)
    assert torch.equal(played(noisy, timestep, condition, None), eager(noisy, timestep, condition, None))
    assert len(recorded) == 2


@torch.no_grad()
def test_what_cannot_be_recorded_runs_as_it_is(recorded: list[Tensor]) -> None:
    eager, played = two()
    noisy, timestep, condition, reference = tiny_inputs()
    assert torch.equal(played(noisy, timestep, condition, reference), eager(noisy, timestep, condition, reference))
    some, cache = replace(condition, present=torch.tensor([True, False])), eager.read(reference)
    assert torch.equal(played(noisy, timestep, some, cache), eager(noisy, timestep, some, cache))
    cache.layers = {"another": (noisy, noisy)}
    with pytest.raises(InputError, match="was read by another network"):
        played(noisy, timestep, condition, cache)
    assert not recorded

"""Guidance, noise and the loss."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from humangen.diffusion.guidance import drop_reference, guided
from humangen.diffusion.loss import noise_bands, squared_error
from humangen.diffusion.noise import frame_noise, keyed_generator
from humangen.types import Condition
from tests.conftest import tiny_inputs
from tests.unit.tiny import tiny_pipeline


def test_a_scale_of_one_never_asks_without_the_reference() -> None:
    def forbidden(latents: Tensor, timestep: Tensor) -> Tensor:
        raise AssertionError("the unconditional half was computed")

    denoise = guided(lambda latents, timestep: latents + 1, forbidden, 1.0)
    assert denoise(torch.zeros(2), torch.zeros(1)).tolist() == [1, 1]


def test_guidance_leans_away_from_nobody() -> None:
    denoise = guided(lambda *_: torch.tensor(3.0), lambda *_: torch.tensor(1.0), 2.5)
    assert denoise(torch.zeros(()), torch.zeros(())) == 1 + 2.5 * 2


@torch.no_grad()
def test_the_pipeline_guides_between_the_reference_and_nobody() -> None:
    pipeline = tiny_pipeline()
    noisy, timestep, condition, reference = tiny_inputs()
    cache = pipeline.denoiser.prepare(reference)
    with_reference = pipeline.denoise(cache, condition)(noisy, timestep)
    without = pipeline.denoise(None, condition)(noisy, timestep)
    null = Condition(condition.pose, torch.zeros_like(condition.tokens))
    torch.testing.assert_close(without, pipeline.denoiser(noisy, timestep, null, None), rtol=0, atol=0)
    twice = pipeline.denoise(cache, condition, guidance=2.0)(noisy, timestep)
    torch.testing.assert_close(twice, 2 * with_reference - without, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scheme", ["causal", "full", "isolated", "reversed", "canvas"])
@torch.no_grad()
def test_a_dropped_clip_learns_what_sampling_without_a_reference_asks(scheme: str) -> None:
    pipeline = tiny_pipeline(scheme)
    noisy, timestep, condition, reference = tiny_inputs()
    dropped = drop_reference(condition, pipeline.null_tokens(condition), torch.tensor([True, False]))
    learned = pipeline.denoiser(noisy, timestep, dropped, reference)
    asked = pipeline.denoise(None, condition)(noisy, timestep)
    torch.testing.assert_close(learned[1], asked[1], rtol=0, atol=1e-5)
    kept = pipeline.denoiser(noisy, timestep, condition, reference)
    torch.testing.assert_close(learned[0], kept[0], rtol=0, atol=1e-5)


def test_dropping_nothing_changes_nothing() -> None:
    condition = tiny_inputs()[2]
    null = torch.zeros_like(condition.tokens)
    assert drop_reference(condition, null, torch.tensor([True, True])) is condition
    dropped = drop_reference(condition, null, torch.tensor([False, True]))
    assert not dropped.tokens[0].any()
    assert torch.equal(dropped.tokens[1], condition.tokens[1])
    assert dropped.present.tolist() == [False, True]


def test_noise_belongs_to_the_frame_of_the_clip() -> None:
    whole = frame_noise(3, ["a", "b"], range(6), (4, 2, 2))
    assert torch.equal(frame_noise(3, ["b"], range(2, 5), (4, 2, 2))[0], whole[1, 2:5])
    assert torch.equal(frame_noise(3, ["b", "a"], range(6), (4, 2, 2)), whole.flip(0))
    pictures = [*whole.flatten(0, 1), *frame_noise(4, ["a"], range(1), (4, 2, 2))[0]]
    assert len({tuple(picture.flatten().tolist()) for picture in pictures}) == 13


def test_noise_is_unit_gaussian() -> None:
    noise = frame_noise(0, ["a"], range(2), (4, 64, 64))
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1) < 0.02


def test_a_key_is_all_of_its_parts() -> None:
    seeds = {keyed_generator(*key).initial_seed() for key in [(1, 2), (1, 3), (2, 2), (12,), ("1", "23")]}
    assert len(seeds) == 5


def test_the_error_is_each_clips_own_and_in_full_precision() -> None:
    prediction, target = torch.zeros(2, 3, 4, 2, 2), torch.ones(2, 3, 4, 2, 2)
    prediction[1] = 3
    assert squared_error(prediction, target).tolist() == [1, 4]
    assert squared_error(prediction.bfloat16(), target.bfloat16()).dtype == torch.float32


def test_bands_hold_the_clips_of_their_timesteps() -> None:
    losses = torch.tensor([1.0, 3.0, 5.0])
    bands = noise_bands(torch.tensor([0, 249, 999]), losses)
    assert {name: value.item() for name, value in bands.items()} == {"000-249": 2.0, "750-999": 5.0}

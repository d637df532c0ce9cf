"""The noise process against its formulas, diffusers' scheduler, and itself run backwards."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor

from humangen.diffusion.sample import sample
from humangen.diffusion.schedule import FlowSchedule, Schedule, VarianceSchedule
from humangen.diffusion.weighting import MinSnr, Uniform
from humangen.types import InputError

TIMES = torch.tensor([0, 1, 500, 999])
VARIANTS = [("v_prediction", True), ("v_prediction", False), ("epsilon", False), ("sample", True)]


@pytest.fixture
def clean() -> Tensor:
    return torch.randn(4, 2, 4, 3, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def noise() -> Tensor:
    return torch.randn(4, 2, 4, 3, 3, generator=torch.Generator().manual_seed(1))


def hand_made_abar(zero_snr: bool) -> list[float]:
    """The product of 1 - beta_t, moved to end at zero where asked (Lin et al. 2023, Algorithm 1)."""
    start, end, roots, product = math.sqrt(0.00085), math.sqrt(0.012), [], 1.0
    for step in range(1000):
        product *= 1 - (start + (end - start) * step / 999) ** 2
        roots.append(math.sqrt(product))
    if zero_snr:
        first, last = roots[0], roots[-1]
        roots = [(root - last) * first / (first - last) for root in roots]
    return [root**2 for root in roots]


@pytest.mark.parametrize(("prediction", "zero_snr"), VARIANTS)
def test_noise_and_target_are_the_formulas(prediction: str, zero_snr: bool, clean: Tensor, noise: Tensor) -> None:
    schedule = VarianceSchedule(prediction=prediction, zero_snr=zero_snr)
    noisy, target = (made(clean, noise, TIMES) for made in (schedule.add_noise, schedule.target))
    abars = hand_made_abar(zero_snr)
    for clip, time in enumerate(TIMES.tolist()):
        signal, spread = math.sqrt(abars[time]), math.sqrt(1 - abars[time])
        expected = {"v_prediction": signal * noise - spread * clean, "epsilon": noise, "sample": clean}
        torch.testing.assert_close(noisy[clip], (signal * clean + spread * noise)[clip], rtol=0, atol=1e-4)
        torch.testing.assert_close(target[clip], expected[prediction][clip], rtol=0, atol=1e-4)


@pytest.mark.parametrize("zero_snr", [True, False])
def test_noise_and_velocity_are_those_of_diffusers(zero_snr: bool, clean: Tensor, noise: Tensor) -> None:
    schedule = VarianceSchedule(zero_snr=zero_snr)
    stock = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=zero_snr
    )
    noisy = schedule.add_noise(clean, noise, TIMES)
    torch.testing.assert_close(noisy, stock.add_noise(clean, noise, TIMES), rtol=0, atol=1e-6)
    target = schedule.target(clean, noise, TIMES)
    torch.testing.assert_close(target, stock.get_velocity(clean, noise, TIMES), rtol=0, atol=1e-6)


def test_the_last_step_is_pure_noise_where_asked(clean: Tensor, noise: Tensor) -> None:
    last = torch.full((4,), 999)
    assert VarianceSchedule().snr(last).eq(0).all()
    assert torch.equal(VarianceSchedule().add_noise(clean, noise, last), noise)
    assert VarianceSchedule(zero_snr=False).snr(last).gt(0).all()


@pytest.mark.parametrize("schedule", [*(VarianceSchedule(prediction=p, zero_snr=z) for p, z in VARIANTS),
                                      FlowSchedule()])  # fmt: skip
def test_the_true_prediction_gives_the_clean_latents_back(schedule, clean: Tensor, noise: Tensor) -> None:
    noisy = schedule.add_noise(clean, noise, TIMES)
    back = schedule.clean(noisy, schedule.target(clean, noise, TIMES), TIMES)
    torch.testing.assert_close(back, clean, rtol=0, atol=1e-4)


def test_a_flow_runs_from_almost_clean_to_pure_noise(clean: Tensor, noise: Tensor) -> None:
    schedule = FlowSchedule()
    ends = schedule.add_noise(clean, noise, TIMES)
    torch.testing.assert_close(ends[0], 0.999 * clean[0] + 0.001 * noise[0])
    torch.testing.assert_close(ends[3], noise[3])
    assert torch.equal(schedule.target(clean, noise, TIMES), noise - clean)
    assert schedule.snr(TIMES)[3] == 0


@pytest.mark.parametrize("schedule", [VarianceSchedule(), FlowSchedule()])
def test_drawn_timesteps_cover_the_range(schedule: Schedule) -> None:
    times = schedule.draw(20_000, torch.Generator().manual_seed(0))
    assert times.dtype == torch.int64
    assert 0 <= times.min() < 50
    assert 950 <= times.max() <= 999


def test_weights_are_never_zero_at_the_last_step() -> None:
    snr = VarianceSchedule().snr(TIMES)
    assert MinSnr(gamma=5.0)(snr)[3] == 1
    torch.testing.assert_close(MinSnr(gamma=5.0)(torch.tensor([0.0, 3.0, 99.0])), torch.tensor([1.0, 1.0, 0.05]))
    assert Uniform()(snr).tolist() == [1, 1, 1, 1]


def perfect(schedule: Schedule, clean: Tensor):
    """The prediction that a network which knows `clean` would make."""

    def denoise(latents: Tensor, timestep: Tensor) -> Tensor:
        if isinstance(schedule, FlowSchedule):
            return (latents - clean) / schedule.sigma(timestep).reshape(-1, 1, 1, 1, 1)
        signal, spread = schedule.scales(timestep, latents)
        return schedule.target(clean, (latents - signal * clean) / spread, timestep)

    return denoise


@pytest.mark.parametrize("num_steps", [1, 7, 11, 12, 20])
@pytest.mark.parametrize(("schedule", "solver"), [
    (VarianceSchedule(), "ddim"),
    (VarianceSchedule(prediction="epsilon", zero_snr=False), "ddim"),
    (VarianceSchedule(), "lcm"),
    (VarianceSchedule(), "dpm"),
    (FlowSchedule(), "euler"),
], ids=["ddim", "ddim-epsilon", "lcm", "dpm", "euler"])  # fmt: skip
def test_a_perfect_predictor_is_led_to_the_clean_latents(schedule, solver: str, num_steps: int, clean, noise) -> None:
    painted = sample(perfect(schedule, clean), noise, schedule.solver(solver, num_steps))
    torch.testing.assert_close(painted, clean, rtol=0, atol=1e-3)


@pytest.mark.parametrize("num_steps", [1, 12, 20])
@pytest.mark.parametrize(("schedule", "solver"), [
    (VarianceSchedule(), "ddim"), (VarianceSchedule(), "dpm"), (FlowSchedule(), "euler"),
])  # fmt: skip
def test_sampling_begins_at_the_last_timestep_of_training(schedule, solver: str, num_steps: int) -> None:
    timesteps = schedule.solver(solver, num_steps).timesteps
    assert timesteps[0] == 999
    assert len(timesteps) == num_steps
    assert (timesteps.diff() < 0).all()
    assert timesteps[-1] >= 0


@pytest.mark.parametrize("num_steps", [7, 12, 30])
def test_each_step_lands_where_the_next_one_begins(num_steps: int, clean: Tensor, noise: Tensor) -> None:
    schedule = VarianceSchedule()
    visited: list[tuple[Tensor, Tensor]] = []

    def denoise(latents: Tensor, timestep: Tensor) -> Tensor:
        visited.append((latents, timestep))
        return schedule.target(clean, noise, timestep)

    sample(denoise, noise, schedule.solver("ddim", num_steps))
    for latents, timestep in visited:
        torch.testing.assert_close(latents, schedule.add_noise(clean, noise, timestep), rtol=0, atol=1e-3)


def test_consistency_steps_noise_the_estimate_again_with_the_first_noise(clean: Tensor, noise: Tensor) -> None:
    schedule = VarianceSchedule()
    wrong = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    visited: list[tuple[Tensor, Tensor]] = []

    def denoise(latents: Tensor, timestep: Tensor) -> Tensor:
        visited.append((latents, timestep))
        return perfect(schedule, wrong)(latents, timestep)

    sample(denoise, noise, schedule.solver("lcm", 4))
    assert len(visited) == 4
    for latents, timestep in visited[1:]:
        torch.testing.assert_close(latents, schedule.add_noise(wrong, noise, timestep), rtol=0, atol=1e-3)


def test_what_cannot_learn_or_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="zero_snr=false"):
        VarianceSchedule(prediction="epsilon", zero_snr=True)
    with pytest.raises(InputError, match="ddim, dpm, lcm"):
        VarianceSchedule().solver("euler", 10)
    with pytest.raises(InputError, match="euler"):
        FlowSchedule().solver("ddim", 10)


@pytest.mark.parametrize("schedule", [VarianceSchedule, FlowSchedule])
def test_a_shift_moves_training_to_the_noisy_steps_and_never_past_the_last(schedule: type) -> None:
    drawn = {shift: schedule(shift=shift).draw(20_000, torch.Generator().manual_seed(0)) for shift in (1.0, 3.0)}
    median = drawn[1.0].float().median() / 1000
    expected = 3 * median / (1 + 2 * median)
    assert abs(drawn[3.0].float().median() / 1000 - expected) < 0.02
    assert 980 < drawn[3.0].max() <= 999
    assert drawn[3.0].min() >= 0

"""Try-on training: noise where it belongs, nothing leaks from under the region, and nothing outside of it counts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from humangen.diffusion.loss import squared_error
from humangen.diffusion.region import keep_outside, latent_region
from humangen.diffusion.weighting import Uniform
from humangen.models.tryon import TryOnPipeline
from humangen.tasks.denoising import Attempt
from humangen.tasks.tryon import TryOnTask
from humangen.types import InputError, TryOnBatch
from tests.unit.tiny import far_seeing_tryon_pipeline, tiny_pair_batch, tiny_tryon_pipeline


def task_of(pipeline: TryOnPipeline, **options: Any) -> TryOnTask:
    return TryOnTask(
        pipeline=pipeline,
        weighting=Uniform(),
        drop_rate=0.0,
        trainable_parts="unet",
        seed=3,
        optimizer=partial(torch.optim.SGD, lr=0.1),
        learning_rate=partial(torch.optim.lr_scheduler.StepLR, step_size=1),
        **options,
    )


@pytest.fixture(scope="module")
def task() -> TryOnTask:
    return task_of(tiny_tryon_pipeline())


@pytest.fixture
def batch() -> TryOnBatch:
    return tiny_pair_batch(["a", "b"])


def seen(task: TryOnTask, batch: TryOnBatch, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the network is told, and the error it is taught."""
    told: dict[str, Any] = {}

    def network(noisy: Tensor, timestep: Tensor, condition: Any, reference: Any) -> Tensor:
        told.update(noisy=noisy, condition=condition, reference=reference)
        return torch.zeros_like(noisy)

    monkeypatch.setattr(task.network, "forward", network)
    told["loss"], _ = task.losses(batch, 0)
    return told


def test_pixels_under_the_region_reach_the_network_only_inside_and_noised(
    task: TryOnTask, batch: TryOnBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With other pixels under it, all that differs of what the network sees lies inside the region."""
    noise = torch.rand(batch.person.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    other = replace(batch, person=torch.where(batch.region, noise, batch.person))
    one, two = seen(task, batch, monkeypatch), seen(task, other, monkeypatch)
    inside = latent_region(batch.region, task.pipeline.codec.downscale).expand_as(one["noisy"]) > 0
    assert torch.equal(one["noisy"][~inside], two["noisy"][~inside])
    assert not torch.equal(one["noisy"][inside], two["noisy"][inside])
    assert torch.equal(one["reference"].latents, two["reference"].latents)
    assert torch.equal(one["condition"].pose, two["condition"].pose)
    assert torch.equal(one["condition"].tokens, two["condition"].tokens)


def test_a_loss_of_a_region_has_no_gradient_outside() -> None:
    prediction = torch.randn(2, 1, 4, 6, 6, requires_grad=True)
    region = torch.zeros(2, 1, 1, 6, 6)
    region[0, ..., 1:3, 2:5] = 1
    region[1, ..., 4:, :2] = 1
    squared_error(prediction, torch.zeros(2, 1, 4, 6, 6), region).sum().backward()
    assert prediction.grad is not None
    assert torch.equal(prediction.grad != 0, region.expand_as(prediction) > 0)


def test_a_loss_of_a_region_is_its_mean_whatever_its_area() -> None:
    error = torch.full((2, 1, 4, 6, 6), 3.0)
    region = torch.zeros(2, 1, 1, 6, 6)
    region[0, ..., :1, :1] = 1
    region[1] = 1
    assert squared_error(error, torch.zeros_like(error), region).tolist() == [9.0, 9.0]
    assert squared_error(error, torch.zeros_like(error), torch.zeros_like(region)).tolist() == [0.0, 0.0]


def alphas_bar() -> np.ndarray:
    """The default schedule by hand: scaled linear betas, rescaled to zero terminal SNR (Lin et al. 2024)."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    roots = np.sqrt(np.cumprod(1 - betas))
    roots = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    return roots**2


@pytest.mark.parametrize("outside", ["clean", "noised", "none"])
@pytest.mark.parametrize("timestep", [0, 1, 500, 999])
def test_the_forward_process_is_the_formula(batch: TryOnBatch, outside: str, timestep: int) -> None:
    """x_t = (sqrt(abar) x_0 + sqrt(1 - abar) eps) M + x_0 (1 - M) where the outside is clean; M is 1 everywhere where
    all is painted. The codec looks beyond the region's border, where the person with it blanked is another one."""
    task = task_of(far_seeing_tryon_pipeline(outside=outside))
    given = task.prepare(batch)
    noise = torch.randn(given.clean.shape, generator=torch.Generator().manual_seed(1))
    times = torch.full((2,), timestep)
    noisy = task.add_noise(given.clean, noise, times, given.condition).numpy()
    alpha = alphas_bar()[timestep]
    known, region = given.condition.outside.numpy(), given.condition.region.numpy()
    person = task.pipeline.encode_clips(batch.person[:, None]).numpy()
    assert np.abs(person - known)[np.broadcast_to(region == 0, person.shape)].max() > 1e-3
    clean = person if outside == "none" else np.where(region > 0, person, known)
    np.testing.assert_allclose(given.clean.numpy(), clean, atol=1e-6)
    noised = np.sqrt(alpha) * clean + np.sqrt(1 - alpha) * noise.numpy()
    seen = np.where(region > 0, noised, known) if outside == "clean" else noised
    np.testing.assert_allclose(noisy, seen, atol=2e-5)


def test_the_loss_is_the_same_for_a_batch_twice_and_for_more_picture_around_the_region() -> None:
    error = torch.randn(2, 1, 4, 6, 6)
    region = torch.zeros(2, 1, 1, 6, 6)
    region[..., 2:5, 1:4] = 1
    once = squared_error(error, torch.zeros_like(error), region)
    twice = squared_error(error.repeat(2, 1, 1, 1, 1), torch.zeros(4, 1, 4, 6, 6), region.repeat(2, 1, 1, 1, 1))
    torch.testing.assert_close(twice, once.repeat(2))
    larger = torch.nn.functional.pad(error, (3, 2, 1, 4), value=9.0)
    around = torch.nn.functional.pad(region, (3, 2, 1, 4))
    torch.testing.assert_close(squared_error(larger, torch.zeros_like(larger), around), once)


def test_what_counts_outside_is_a_choice(batch: TryOnBatch) -> None:
    error = torch.ones(1, 1, 2, 4, 4)
    region = torch.zeros(1, 1, 1, 4, 4)
    region[..., :2, :] = 1
    error[..., 2:, :] = 3
    by = {name: task_of(tiny_tryon_pipeline(), loss=name).outside_weight for name in ("region", "weighted", "whole")}
    losses = {name: float(squared_error(error, error * 0, region, weight)) for name, weight in by.items()}
    assert losses == {"region": 1.0, "whole": 5.0, "weighted": pytest.approx((1 + 0.25 * 9) / 1.25)}


def test_in_pixels_a_channel_counts_by_what_its_errors_cost_there() -> None:
    """For small errors, the error of decoded pixels and that of the latents stand in one ratio for every channel."""
    pipeline = tiny_tryon_pipeline()
    latents = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    ratios = []
    for channel in range(4):
        changed = latents.clone()
        changed[:, channel] += 1e-2
        pixels = (pipeline.codec.synthesise(changed) - pipeline.codec.synthesise(latents)).square().mean()
        counted = squared_error(changed[:, None], latents[:, None], costs=pipeline.codec.costs)
        ratios.append(float(pixels / counted))
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-2)
    with pytest.raises(InputError, match="no loss_space"):
        task_of(pipeline, loss_space="ears")


def test_the_picture_loss_is_of_the_decoded_region_alone(batch: TryOnBatch) -> None:
    """Of a perfect prediction it is what the codec loses there, and its gradient stays in the region."""
    task = task_of(tiny_tryon_pipeline(), picture_loss=1.0)
    given = task.prepare(batch)
    noise = torch.randn(given.clean.shape, generator=torch.Generator().manual_seed(1))
    times = torch.full((2,), 400)
    noisy = task.add_noise(given.clean, noise, times, given.condition)
    target = task.pipeline.schedule.target(given.clean, noise, times)
    prediction = target.clone().requires_grad_(True)
    error = task.error(Attempt(noisy, times, prediction, target), given)
    lost = (task.pipeline.codec.synthesise(given.clean[:, 0]) - batch.person).abs()
    inside = batch.region.expand_as(lost)
    torch.testing.assert_close(error, torch.stack([lost[k][inside[k]].mean() for k in range(2)]), atol=1e-5, rtol=1e-5)
    error.sum().backward()
    assert prediction.grad is not None
    assert given.condition.region is not None
    around = (given.condition.region == 0).expand_as(prediction)
    assert prediction.grad[~around].any()
    assert not prediction.grad[around].any()


@pytest.mark.parametrize("option", [{"outside": "grey"}, {"background": "wall"}, {"dilation": -1}])
def test_choices_that_are_none_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="grey|wall|-1"):
        tiny_tryon_pipeline(**option)
    with pytest.raises(InputError, match="region, weighted, whole"):
        task_of(tiny_tryon_pipeline(), loss="half")


def test_a_region_grows_by_whole_cells() -> None:
    region = torch.zeros(1, 1, 32, 40, dtype=torch.bool)
    region[..., 17, 17] = True
    assert latent_region(region, 8).sum() == 1
    assert latent_region(region, 8, dilation=1).sum() == 9
    assert latent_region(region, 8, dilation=2).sum() == 20


def test_one_masked_pixel_makes_its_whole_cell_to_be_painted() -> None:
    region = torch.zeros(1, 1, 16, 16, dtype=torch.bool)
    region[..., 7, 8] = True
    assert latent_region(region, 8).flatten().tolist() == [0, 1, 0, 0]


def test_outside_the_latents_stay_as_they_are() -> None:
    noisy, outside = torch.randn(1, 1, 4, 2, 2), torch.randn(1, 1, 4, 2, 2)
    region = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).reshape(1, 1, 1, 2, 2)
    kept = keep_outside(noisy, outside, region)
    assert torch.equal(kept[..., 0, 0], noisy[..., 0, 0])
    assert torch.equal(kept.flatten(-2)[..., 1:], outside.flatten(-2)[..., 1:])

"""Try-on training: what is under the region leaks nowhere, and nothing outside of it counts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from humangen.diffusion.loss import squared_error
from humangen.diffusion.region import keep_outside, latent_region
from humangen.diffusion.weighting import Uniform
from humangen.tasks.tryon import TryOnTask
from humangen.types import TryOnBatch
from tests.unit.tiny import SIDE, tiny_pipeline


@pytest.fixture(scope="module")
def task() -> TryOnTask:
    return TryOnTask(
        pipeline=tiny_pipeline(),
        weighting=Uniform(),
        drop_rate=0.0,
        trainable_parts="unet",
        seed=3,
        optimizer=partial(torch.optim.SGD, lr=0.1),
        learning_rate=partial(torch.optim.lr_scheduler.StepLR, step_size=1),
    )


@pytest.fixture
def batch() -> TryOnBatch:
    generator = torch.Generator().manual_seed(0)

    def pictures() -> Tensor:
        return torch.rand(2, 3, SIDE, SIDE, generator=generator) * 2 - 1

    region = torch.zeros(2, 1, SIDE, SIDE, dtype=torch.bool)
    region[:, :, SIDE // 4 : SIDE // 2 + 1, SIDE // 4 : SIDE // 2 + 1] = True
    return TryOnBatch(["a", "b"], pictures(), pictures(), region, pictures().abs())


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

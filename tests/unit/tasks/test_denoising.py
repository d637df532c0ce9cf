"""What a training step computes, without Lightning."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from humangen.diffusion.weighting import MinSnr, Uniform
from humangen.models.motion import motion_parameters
from humangen.models.pipeline import Pipeline
from humangen.tasks.animation import AnimationTask
from humangen.tasks.base import NonFiniteLoss
from humangen.types import AnimationBatch, InputError
from tests.conftest import WIDTH
from tests.unit.tiny import tiny_batch, tiny_pipeline


def tiny_task(**changes: Any) -> AnimationTask:
    options = {
        "pipeline": tiny_pipeline(),
        "weighting": Uniform(),
        "drop_rate": 0.5,
        "trainable_parts": "unet",
        "seed": 3,
        "optimizer": partial(torch.optim.SGD, lr=0.1),
        "learning_rate": partial(torch.optim.lr_scheduler.StepLR, step_size=1),
    }
    return AnimationTask(**{**options, **changes})


@pytest.fixture(scope="module")
def task() -> AnimationTask:
    return tiny_task()


def drawn(task: AnimationTask, keys: list[str], step: object = 0) -> tuple[Tensor, Tensor, Tensor]:
    return task.draw(keys, torch.zeros(len(keys), 2, 4, 8, 8), step)


def test_draws_do_not_depend_on_the_company_or_its_order(task: AnimationTask) -> None:
    whole = drawn(task, ["a", "b", "c", "d"])
    for keys, rows in ((["d", "b"], [3, 1]), (["c"], [2])):
        for part, all_of_it in zip(drawn(task, keys), whole, strict=True):
            assert torch.equal(part, all_of_it[rows])


def test_draws_differ_between_clips_steps_and_seeds(task: AnimationTask) -> None:
    _, noise, _ = drawn(task, ["a", "b"])
    assert not torch.equal(noise[0], noise[1])
    assert not torch.equal(noise, drawn(task, ["a", "b"], step=1)[1])
    assert not torch.equal(noise, drawn(tiny_task(seed=4), ["a", "b"])[1])


def test_references_are_dropped_at_the_asked_rate(task: AnimationTask) -> None:
    keys = [str(number) for number in range(1000)]
    present = task.draw(keys, torch.zeros(1000, 1, 1, 1, 1), 0)[2]
    assert 0.45 < present.float().mean() < 0.55


@torch.no_grad()
def test_losses_do_not_depend_on_the_company_or_its_order(task: AnimationTask) -> None:
    together, times = task.losses(tiny_batch(["a", "b", "c"]), 0)
    turned, turned_times = task.losses(tiny_batch(["c", "a"]), 0)
    torch.testing.assert_close(turned, together[[2, 0]], rtol=1e-4, atol=1e-5)
    assert torch.equal(turned_times, times[[2, 0]])


@torch.no_grad()
def test_the_loss_is_that_of_the_formula(task: AnimationTask) -> None:
    plain = tiny_task(drop_rate=0.0)
    batch = tiny_batch(["a"])
    loss, timestep = plain.losses(batch, 0)
    given = plain.prepare(batch)
    clean, condition, reference = given.clean, given.condition, given.reference
    _, noise, _ = plain.draw(given.keys, clean, 0)
    abar = plain.pipeline.schedule.abar[timestep].item()
    noisy = abar**0.5 * clean + (1 - abar) ** 0.5 * noise
    velocity = abar**0.5 * noise - (1 - abar) ** 0.5 * clean
    error = plain.network(noisy, timestep, condition, reference) - velocity
    torch.testing.assert_close(loss[0], error.square().mean())


@pytest.mark.parametrize("pipeline", [tiny_pipeline(), tiny_pipeline("canvas")], ids=["causal", "canvas"])
@torch.no_grad()
def test_a_dropped_clip_learns_without_its_reference(pipeline: Pipeline) -> None:
    """Of clips in one batch, with tokens that say whom they show: some are dropped, and some are not."""
    task, batch = tiny_task(pipeline=pipeline), tiny_batch(["a", "b", "c", "d"])
    given = task.prepare(batch)
    told = replace(given, condition=replace(given.condition, tokens=torch.randn(4, 1, WIDTH)))
    task.prepare = lambda _: told  # type: ignore[method-assign]
    losses, timestep = task.losses(batch, 0)
    _, noise, present = task.draw(told.keys, told.clean, 0)
    assert 0 < present.sum() < len(present)
    noisy, target = (
        make(told.clean, noise, timestep) for make in (pipeline.schedule.add_noise, pipeline.schedule.target)
    )
    errors = {}
    for kept, tokens, reference in (
        (True, told.condition.tokens, told.reference),
        (False, torch.zeros(4, 1, WIDTH), None),
    ):
        prediction = task.network(noisy, timestep, replace(told.condition, tokens=tokens), reference)
        errors[kept] = (prediction - target).square().flatten(1).mean(1)
    assert ((errors[True] - errors[False]).abs() > 1e-3).all()
    torch.testing.assert_close(losses, torch.where(present, errors[True], errors[False]), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_training_step_weighs_each_clip_by_its_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    task, batch, logged = tiny_task(weighting=MinSnr(gamma=2.0)), tiny_batch(["a", "b", "c", "d"]), {}
    monkeypatch.setattr(task, "log", lambda name, value, **_: logged.update({name: value}))
    monkeypatch.setattr(task, "log_data", lambda drawn: None)
    losses, timestep = task.losses(batch, 0)
    signal = [task.pipeline.schedule.abar[number].item() for number in timestep]
    weights = torch.tensor([min(1 / (1 - abar), 2) * (1 - abar) for abar in signal])  # snr + 1 is 1 / (1 - abar)
    assert weights.unique().numel() > 1
    loss = task.training_step(batch, 0)
    torch.testing.assert_close(loss, (weights * losses).mean())
    assert logged["train/loss"] == loss


def test_every_parameter_but_the_temporal_ones_learns_from_pictures() -> None:
    task = tiny_task()
    task.losses(tiny_batch(["a", "b"], frames=1), 0)[0].sum().backward()
    idle = {id(parameter) for parameter in task.network.parameters() if parameter.grad is None}
    assert idle == {id(parameter) for parameter in motion_parameters(task.network)}
    assert {id(parameter) for parameter in task.trainable()}.isdisjoint(idle)
    assert not any(parameter.requires_grad for parameter in task.pipeline.codec.parameters())


def test_motion_alone_is_trained_where_asked() -> None:
    task = tiny_task(trainable_parts="motion")
    trained = {id(parameter) for parameter in task.trainable()}
    assert trained == {id(parameter) for parameter in motion_parameters(task.network)}


def test_a_noise_offset_moves_whole_channels_and_nothing_else(task: AnimationTask) -> None:
    one, other = drawn(task, ["a", "b"]), drawn(tiny_task(noise_offset=0.5), ["a", "b"])
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[2], other[2])
    moved = other[1] - one[1]
    torch.testing.assert_close(moved, moved.mean((1, 3, 4), keepdim=True).expand_as(moved))
    assert moved[:, 0, :, 0, 0].unique().numel() == 2 * 4
    spread = task.draw([str(number) for number in range(500)], torch.zeros(500, 1, 4, 1, 1), 0)[1]
    wider = tiny_task(noise_offset=0.5).draw([str(number) for number in range(500)], torch.zeros(500, 1, 4, 1, 1), 0)[1]
    assert (wider - spread).std() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(("parts", "frames"), [("unet", 1), ("motion", 2)])
def test_gradient_checkpointing_changes_no_gradient(parts: str, frames: int) -> None:
    gradients = []
    for checkpointing in (False, True):
        task = tiny_task(trainable_parts=parts, gradient_checkpointing=checkpointing).train()
        task.losses(tiny_batch(["a", "b"], frames=frames), 0)[0].sum().backward()
        gradients.append([parameter.grad for parameter in task.trainable()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_no_number_stops_the_training(task: AnimationTask) -> None:
    with pytest.raises(NonFiniteLoss, match="nan.*a, b"):
        task.check_finite(torch.tensor(torch.nan), ["a", "b"])
    task.check_finite(torch.tensor(1.0), ["a"])


def test_a_checkpoint_holds_the_network_alone_and_is_checked(task: AnimationTask) -> None:
    state = task.state_dict()
    assert set(state) == {f"network.{name}" for name in task.network.state_dict()}
    task.on_load_checkpoint({"state_dict": state})
    state.pop(next(iter(state)))
    with pytest.raises(InputError, match="1 of its parameters are missing"):
        task.on_load_checkpoint({"state_dict": state})


@torch.no_grad()
def test_a_reference_serves_all_of_its_clips(task: AnimationTask) -> None:
    one, two = tiny_batch(["a"]), tiny_batch(["b"])
    shared = AnimationBatch(
        keys=["a", "b"],
        reference=one.reference,
        reference_pose=one.reference_pose,
        target=torch.cat([one.target, two.target]),
        target_pose=torch.cat([one.target_pose, two.target_pose]),
    )
    two.reference, two.reference_pose = one.reference, one.reference_pose
    apart = torch.cat([task.losses(batch, 0)[0] for batch in (one, two)])
    torch.testing.assert_close(task.losses(shared, 0)[0], apart, rtol=1e-4, atol=1e-5)

"""The leak test: silent where nothing leaks, and each kind of leak is caught and measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from humangen.diffusion.loss import squared_error
from humangen.diffusion.sample import Sampler
from humangen.diffusion.schedule import FlowSchedule, Schedule, VarianceSchedule
from humangen.inference import leaks
from humangen.inference.leaks import Finding, examine, outline, worst
from humangen.inference.people import Person
from humangen.inference.swaps import swapped_people
from humangen.models import tryon
from humangen.models.tryon import TryOnPipeline
from humangen.types import Condition, TryOnBatch
from tests.unit.tiny import far_seeing_tryon_pipeline, tiny_pair_batch, tiny_tryon_pipeline

SAMPLER = Sampler(num_steps=2)
AROUND = "told: outside"
KEPT = "pixels under the region that are kept"
PAINTED = "painted"


def findings(pipeline: TryOnPipeline, **options: Any) -> dict[str, Finding]:
    """Of two people whose regions begin within a latent cell, at pixels 19 to 35."""
    batch = tiny_pair_batch(["a", "b"])
    batch = replace(batch, region=batch.region.roll((3, 3), (2, 3)))
    found, painted = examine(pipeline, batch, others(batch), sampler=SAMPLER, **options)
    assert set(painted) == {"as it was", "random", "another"}
    return {finding.name: finding for finding in found}


def others(batch: TryOnBatch) -> dict[str, TryOnBatch]:
    noise = torch.rand(batch.person.shape, generator=torch.Generator().manual_seed(5)) * 2 - 1
    under = {"random": noise, "another": batch.person.roll(1, 0)}
    return {
        name: replace(batch, person=torch.where(batch.region, pixels, batch.person)) for name, pixels in under.items()
    }


def leaking(found: dict[str, Finding]) -> set[str]:
    return {name for name, finding in found.items() if finding.passed is False}


@pytest.mark.parametrize("scheme", ["causal", "full", "canvas"])
@pytest.mark.parametrize("outside", ["clean", "noised", "none"])
def test_nothing_leaks(outside: str, scheme: str) -> None:
    found = findings(tiny_tryon_pipeline(scheme, outside=outside), guidance=2.0)
    assert not leaking(found)
    told = {"region", "outside", "pose", "tokens", "garment's latents", "garment's pose", "garment's tokens"}
    assert {f"told: {name}" for name in told} < set(found)
    assert found["truth in the noisiest latents of training"] == Finding(
        "truth in the noisiest latents of training", 0.0, "share", True
    )


@pytest.mark.parametrize("outside", ["clean", "noised", "none"])
def test_nothing_leaks_through_a_codec_that_looks_far(outside: str) -> None:
    assert not leaking(findings(far_seeing_tryon_pipeline(outside=outside)))


def test_the_whole_person_as_background_is_caught_and_measured() -> None:
    found = findings(far_seeing_tryon_pipeline(background="person"))
    assert leaking(found) >= {AROUND, PAINTED, "shown in sampling, at every step"}
    assert found[AROUND].found > 0.001
    assert found[PAINTED].found > 0


def test_a_region_by_the_nearest_pixel_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def nearest(region: Tensor, downscale: int, dilation: int) -> Tensor:
        return interpolate(region.float(), scale_factor=1 / downscale).unsqueeze(1)

    monkeypatch.setattr(tryon, "latent_region", nearest)
    found = findings(tiny_tryon_pipeline())
    assert leaking(found) == {KEPT}
    assert found[KEPT].found == 2 * (17**2 - 12**2)
    assert leaking(findings(tiny_tryon_pipeline(background="person"))) >= {KEPT, AROUND, PAINTED}


def test_sampling_that_starts_from_the_person_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, honest = tiny_tryon_pipeline(), leaks.try_on

    def from_the_person(pipeline: TryOnPipeline, batch: TryOnBatch, **options: Any) -> Tensor:
        around = pipeline.around
        share = 0.068 * pipeline.encode_clips(batch.person[:, None])

        def leaky(noisy: Tensor, condition: Condition, noise: Tensor, timestep: Tensor | None) -> Tensor:
            first = timestep is not None and int(timestep[0]) == 999
            return around(noisy + share if first else noisy, condition, noise, timestep)

        monkeypatch.setattr(pipeline, "around", leaky)
        painted = honest(pipeline, batch, **options)
        monkeypatch.setattr(pipeline, "around", around)
        return painted

    monkeypatch.setattr(leaks, "try_on", from_the_person)
    assert leaking(findings(pipeline)) == {
        "start of sampling inside the region, from pure noise",
        "shown in sampling, at every step",
        PAINTED,
    }


def test_a_loss_that_counts_outside_though_it_must_not_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    gradient = "gradient of the loss around the region"
    assert findings(tiny_tryon_pipeline())[gradient] == Finding(gradient, 0.0, "of the one inside", True)
    whole = findings(tiny_tryon_pipeline(), outside_weight=1.0)[gradient]
    assert whole.passed is None
    monkeypatch.setattr(leaks, "squared_error", lambda prediction, target, *_: squared_error(prediction, target))
    found = findings(tiny_tryon_pipeline())
    assert leaking(found) == {gradient}
    assert found[gradient].found > 0.1


@pytest.mark.parametrize(
    ("schedule", "share"),
    [
        (VarianceSchedule(), 0.0),
        (FlowSchedule(), 0.0),
        (VarianceSchedule(prediction="epsilon", zero_snr=False), 0.0683),
    ],
    ids=["zero_snr", "flow", "sd15"],
)
def test_the_truth_that_a_schedule_leaves_is_told(schedule: Schedule, share: float) -> None:
    pipeline = tiny_tryon_pipeline()
    pipeline.schedule = schedule
    solver = "euler" if isinstance(schedule, FlowSchedule) else "ddim"
    batch = tiny_pair_batch(["a"])
    swapped = {"random": others(batch)["random"]}
    found, _ = examine(pipeline, batch, swapped, sampler=replace(SAMPLER, solver=solver))
    told = {finding.name: finding for finding in found}["truth in the noisiest latents of training"]
    assert told.found == pytest.approx(share, abs=1e-4)
    assert told.passed is (True if share == 0 else None)
    assert not [finding for finding in found if finding.passed is False]


def test_the_worst_of_several_batches_is_what_counts() -> None:
    first, second = Finding("a", 0.0, "u", True), Finding("a", 2.0, "u", False)
    told = Finding("b", 0.3, "u", None)
    assert worst([first, told, second, replace(told, found=0.5)]) == [second, replace(told, found=0.5)]
    assert worst([second, first]) == [second]


def test_an_outline_that_is_the_garment_is_told() -> None:
    worn = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    worn[:, :, 2:4, 2:6] = True
    region = worn.clone()
    assert outline(region, worn).found == 1
    region[:, :, 2:6] = True
    assert outline(region, worn).found == pytest.approx(8 / 32)
    assert outline(region, worn).passed is None


def test_swaps_leave_what_is_around_the_region() -> None:
    region = np.zeros((6, 4), bool)
    region[2:4] = True
    people = [Person(np.full((6, 4, 3), value, np.uint8), region, None, []) for value in (50, 90)]
    found = swapped_people(people)
    assert set(found) == {"random", "another"}
    for some in found.values():
        for person, swapped in zip(people, some, strict=True):
            np.testing.assert_array_equal(swapped.pixels[~region], person.pixels[~region])
            assert (swapped.pixels[region] != person.pixels[region]).any()
    assert (found["another"][0].pixels[region] == 90).all()
    assert set(swapped_people(people[:1])) == {"random"}

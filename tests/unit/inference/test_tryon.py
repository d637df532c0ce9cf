"""Try-on: the outside stays, nothing leaks from under the region, and batches make no difference."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.inference.tryon import try_on
from humangen.models.tryon import TryOnPipeline
from humangen.types import TryOnBatch
from tests.unit.tiny import tiny_pair_batch, tiny_tryon_pipeline

SAMPLER = Sampler(num_steps=3)


@pytest.fixture(scope="module")
def pipeline() -> TryOnPipeline:
    return tiny_tryon_pipeline()


def one_of(batch: TryOnBatch, number: int) -> TryOnBatch:
    part = slice(number, number + 1)
    tensors = {name: getattr(batch, name)[part] for name in ("person", "garment", "region", "pose")}
    return TryOnBatch([batch.keys[number]], **tensors)


def scrambled(batch: TryOnBatch) -> TryOnBatch:
    """The same with other pixels under the region."""
    noise = torch.rand(batch.person.shape, generator=torch.Generator().manual_seed(5)) * 2 - 1
    return replace(batch, person=torch.where(batch.region, noise, batch.person))


@pytest.mark.parametrize("solver", ["ddim", "dpm"])
@pytest.mark.parametrize("outside", ["clean", "noised", "none"])
def test_what_is_under_the_region_has_no_part_in_the_result(outside: str, solver: str) -> None:
    pipeline, batch = tiny_tryon_pipeline(outside=outside), tiny_pair_batch(["a", "b"])
    sampler = replace(SAMPLER, solver=solver)
    first, second = (try_on(pipeline, each, sampler=sampler, guidance=2.0) for each in (batch, scrambled(batch)))
    assert torch.equal(first, second)


def test_the_whole_person_as_background_does_leak() -> None:
    """In what is kept of the person; this codec's cells see their own 8x8 pixels alone, others see far."""
    pipeline, batch = tiny_tryon_pipeline(background="person"), tiny_pair_batch(["a"])
    first, second = (pipeline.dressing(each, None).outside for each in (batch, scrambled(batch)))
    assert first is not None
    assert second is not None
    assert not torch.equal(first, second)


@pytest.mark.parametrize("outside", ["clean", "noised"])
def test_the_outside_ends_as_the_known_latents(outside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, batch = tiny_tryon_pipeline(outside=outside), tiny_pair_batch(["a", "b"])
    ends: list[Tensor] = []

    def decode(latents: Tensor) -> Tensor:
        ends.append(latents)
        return latents

    monkeypatch.setattr(pipeline.codec, "decode", decode)
    try_on(pipeline, batch, sampler=SAMPLER)
    condition = pipeline.dressing(batch, None)
    assert condition.region is not None
    assert condition.outside is not None
    around = (condition.region == 0).expand_as(condition.outside)
    assert torch.equal(ends[0][around[:, 0]], condition.outside[around])
    assert not torch.equal(ends[0][~around[:, 0]], condition.outside[~around])


def test_the_network_sees_a_clean_outside_at_every_step(
    pipeline: TryOnPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, seen = tiny_pair_batch(["a"]), []
    forward = pipeline.denoiser.forward

    def spying(noisy: Tensor, *rest: object) -> Tensor:
        seen.append(noisy)
        return forward(noisy, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline.denoiser, "forward", spying)
    try_on(pipeline, batch, sampler=SAMPLER)
    condition = pipeline.dressing(batch, None)
    assert condition.region is not None
    assert condition.outside is not None
    around = (condition.region == 0).expand_as(condition.outside)
    assert len(seen) == 3
    assert all(torch.equal(noisy[around], condition.outside[around]) for noisy in seen)


def test_neither_batch_nor_order_makes_a_difference(pipeline: TryOnPipeline) -> None:
    batch = tiny_pair_batch(["a", "b", "c"])
    together = try_on(pipeline, batch, sampler=SAMPLER, guidance=2.0)
    for number in (2, 0, 1):
        alone = try_on(pipeline, one_of(batch, number), sampler=SAMPLER, guidance=2.0)
        torch.testing.assert_close(alone[0], together[number], atol=1e-5, rtol=1e-5)


def test_a_garment_for_several_people_is_read_once(pipeline: TryOnPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = tiny_pair_batch(["a", "b"])
    shared = replace(batch, garment=batch.garment[:1])
    apart = replace(batch, garment=batch.garment[:1].expand(2, -1, -1, -1))
    read, read_rows = pipeline.denoiser.read, []  # type: ignore[operator]

    def counting(reference: object) -> object:
        read_rows.append(len(reference.latents))  # type: ignore[attr-defined]
        return read(reference)

    monkeypatch.setattr(pipeline.denoiser, "read", counting)
    first, second = (try_on(pipeline, each, sampler=SAMPLER) for each in (shared, apart))
    assert read_rows == [1, 2]
    torch.testing.assert_close(first, second, atol=1e-5, rtol=1e-5)


def test_the_garment_matters(pipeline: TryOnPipeline) -> None:
    batch = tiny_pair_batch(["a"])
    other = replace(batch, garment=-batch.garment)
    first, second = (try_on(pipeline, each, sampler=SAMPLER) for each in (batch, other))
    assert not torch.allclose(first, second, atol=1e-4)

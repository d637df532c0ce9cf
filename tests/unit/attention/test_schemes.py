"""Who depends on whom, and what may be cached."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from humangen.attention.cache import ReferenceCache
from humangen.attention.schemes import REFERENCE, SCHEMES, TARGET
from humangen.attention.spatial import Joint
from humangen.types import InputError
from tests.conftest import tiny_denoiser, tiny_inputs


class Seen(Joint):
    """Keeps the reference rows of every layer's keys, values and results."""

    rows: dict[str, Tensor]

    def attend(self, layer: str, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        result = super().attend(layer, query, key, value)
        Seen.rows[layer] = torch.cat([part[: self.references] for part in (key, value, result)], dim=2)
        return result


def joined(denoiser, *inputs) -> tuple[Tensor, dict[str, Tensor]]:
    """The prediction and the reference rows of every layer."""
    Seen.rows = {}
    return denoiser.join(*inputs, spatial=Seen), Seen.rows


def gradient(value: Tensor, source: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(value.square().sum(), source, retain_graph=True, allow_unused=True)
    return torch.zeros_like(source) if found is None else found


@pytest.mark.parametrize("scheme", SCHEMES)
def test_gradients_flow_exactly_where_the_table_says(scheme: str) -> None:
    noisy, timestep, condition, reference = tiny_inputs()
    noisy.requires_grad_(True)
    reference.latents.requires_grad_(True)
    prediction, rows = joined(tiny_denoiser(scheme), noisy, timestep, condition, reference)
    every_layer = torch.stack([row.square().sum() for row in rows.values()])
    table = SCHEMES[scheme]
    assert gradient(every_layer, noisy).any() == table.reads(REFERENCE, TARGET)
    assert gradient(prediction, reference.latents).any() == table.reads(TARGET, REFERENCE)
    assert gradient(prediction, noisy).any()


def test_the_tables_are_those_of_the_method() -> None:
    tables = {name: tuple(tuple(map(int, row)) for row in scheme.table) for name, scheme in SCHEMES.items()}
    assert tables == {
        "causal": ((1, 0), (1, 1)),
        "full": ((1, 1), (1, 1)),
        "isolated": ((1, 0), (0, 1)),
        "reversed": ((1, 1), (0, 1)),
    }


def test_a_mask_repeats_the_table_over_the_tokens() -> None:
    mask = SCHEMES["causal"].mask(torch.tensor([REFERENCE, TARGET, TARGET]))
    assert mask.int().tolist() == [[1, 0, 0], [1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize("scheme", ["full", "reversed"])
def test_a_scheme_whose_reference_reads_the_target_is_not_cached(scheme: str) -> None:
    denoiser = tiny_denoiser(scheme)
    noisy, timestep, condition, reference = tiny_inputs()
    with pytest.raises(InputError, match=scheme):
        denoiser.read(reference)
    assert denoiser.prepare(reference) is reference
    cache = tiny_denoiser().read(reference)
    with pytest.raises(InputError, match=scheme):
        denoiser(noisy, timestep, condition, cache)


def test_a_canvas_refuses_a_cache() -> None:
    noisy, timestep, condition, reference = tiny_inputs()
    canvas = tiny_denoiser("canvas")
    with pytest.raises(InputError, match="canvas"):
        canvas(noisy, timestep, condition, tiny_denoiser().read(reference))
    assert canvas.prepare(reference) is reference


def test_a_reference_on_the_targets_clock_is_not_cached() -> None:
    denoiser = tiny_denoiser(reference_timestep=None)
    noisy, timestep, condition, reference = tiny_inputs()
    assert not denoiser.cacheable
    assert denoiser.prepare(reference) is reference
    with pytest.raises(InputError, match="timestep"):
        denoiser.read(reference)
    with pytest.raises(InputError, match="cache"):
        denoiser(noisy, timestep, condition, tiny_denoiser().read(reference))


@pytest.mark.parametrize(("reference_timestep", "same"), [(0, True), (None, False)])
@torch.no_grad()
def test_the_reference_sees_the_targets_clock_only_where_asked(reference_timestep, same: bool) -> None:
    denoiser = tiny_denoiser(reference_timestep=reference_timestep)
    noisy, _, condition, reference = tiny_inputs()
    late, early = (joined(denoiser, noisy, torch.full((2,), time), condition, reference)[1] for time in (999, 3))
    assert all(torch.equal(late[layer], early[layer]) for layer in late) == same


def test_a_cache_of_another_network_is_named() -> None:
    with pytest.raises(InputError, match="mid_block"):
        ReferenceCache().read("mid_block")


def test_an_unknown_scheme_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="causal, full, isolated, reversed"):
        tiny_denoiser("sideways")

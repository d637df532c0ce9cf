"""Two unmasked calls, one cached call and one masked call are the same computation."""

from __future__ import annotations

import pytest
import torch

from humangen.attention.schemes import SCHEMES
from humangen.attention.spatial import Joint, MaskedJoint
from tests.conftest import tiny_denoiser, tiny_inputs

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


class Recorded(Joint):
    """Keeps every layer's result."""

    def attend(self, layer, query, key, value):
        result = super().attend(layer, query, key, value)
        self.results = {**getattr(self, "results", {}), layer: result}
        return result


def assert_close(one: torch.Tensor, other: torch.Tensor, dtype: torch.dtype) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("frames", [1, 3], ids=["image", "motion"])
@pytest.mark.parametrize("scheme", SCHEMES)
@torch.no_grad()
def test_split_equals_masked(scheme: str, frames: int, dtype: torch.dtype) -> None:
    denoiser = tiny_denoiser(scheme).to(dtype)
    arguments = tiny_inputs(references=2, clips=4, frames=frames, dtype=dtype)
    split = denoiser.join(*arguments, spatial=Joint)
    masked = denoiser.join(*arguments, spatial=MaskedJoint)
    assert_close(split, masked, dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("frames", [1, 3], ids=["image", "motion"])
@pytest.mark.parametrize("scheme", ["causal", "isolated"])
@torch.no_grad()
def test_cached_equals_masked(scheme: str, frames: int, dtype: torch.dtype) -> None:
    denoiser = tiny_denoiser(scheme).to(dtype)
    noisy, timestep, condition, reference = tiny_inputs(references=2, clips=4, frames=frames, dtype=dtype)
    masked = denoiser.join(noisy, timestep, condition, reference, spatial=MaskedJoint)
    cached = denoiser(noisy, timestep, condition, denoiser.read(reference))
    assert_close(cached, masked, dtype)


@torch.no_grad()
def test_every_layer_of_the_cache_is_what_the_joint_pass_sees(inputs) -> None:
    denoiser = tiny_denoiser()
    noisy, timestep, condition, reference = inputs
    seen: dict[str, tuple] = {}

    class Spy(MaskedJoint):
        def attend(self, layer, query, key, value):
            seen[layer] = (key[: self.references], value[: self.references])
            return super().attend(layer, query, key, value)

    denoiser.join(noisy, timestep, condition, reference, spatial=Spy)
    cache = denoiser.read(reference)
    assert set(cache.layers) == set(seen)
    assert len(seen) == 4  # one per level and direction, and the middle
    for layer, (key, value) in cache.layers.items():
        torch.testing.assert_close(key, seen[layer][0], rtol=0, atol=1e-5)
        torch.testing.assert_close(value, seen[layer][1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("scheme", ["causal", "full"])
@torch.no_grad()
def test_a_dropped_reference_is_not_there(scheme: str) -> None:
    denoiser = tiny_denoiser(scheme)
    noisy, timestep, condition, reference = tiny_inputs(references=4, clips=4, frames=2)
    condition.present = torch.tensor([True, False, True, False])
    mixed = denoiser(noisy, timestep, condition, reference)
    masked = denoiser.join(noisy, timestep, condition, reference, spatial=MaskedJoint)
    torch.testing.assert_close(mixed, masked, rtol=0, atol=1e-5)
    condition.present = None
    kept = denoiser(noisy, timestep, condition, reference)
    alone = denoiser(noisy, timestep, condition, None)
    torch.testing.assert_close(mixed[[0, 2]], kept[[0, 2]], rtol=0, atol=1e-5)
    torch.testing.assert_close(mixed[[1, 3]], alone[[1, 3]], rtol=0, atol=1e-5)
    assert (kept - alone).abs().max() > 1e-3

"""Faster, and the same."""

from __future__ import annotations

import pytest
import torch

from humangen.models.denoiser import RowDenoiser
from humangen.models.speed import compile_blocks, fuse_projections, transformer_blocks
from tests.conftest import tiny_inputs
from tests.unit.tiny import tiny_pipeline


def predictions(denoiser: RowDenoiser) -> list[torch.Tensor]:
    noisy, timestep, condition, reference = tiny_inputs()
    with torch.no_grad():
        ways = denoiser.read(reference), reference, None
        return [denoiser(noisy, timestep, condition, way) for way in ways]


def test_fused_projections_are_one_product_and_the_same() -> None:
    denoiser = tiny_pipeline().denoiser.eval()
    before = predictions(denoiser)
    fuse_projections(denoiser)
    for block in transformer_blocks(denoiser):
        block.attn1.to_q = block.attn1.to_k = block.attn1.to_v = None
    for one, other in zip(before, predictions(denoiser), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_compiled_blocks_keep_their_names_and_results() -> None:
    denoiser = tiny_pipeline().denoiser.eval()
    names, before = list(denoiser.state_dict()), predictions(denoiser)
    torch._dynamo.utils.counters.clear()
    compile_blocks(denoiser)
    for one, other in zip(before, predictions(denoiser), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert list(denoiser.state_dict()) == names
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert not torch._dynamo.utils.counters["graph_break"]

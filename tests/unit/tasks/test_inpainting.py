"""U-Nets that are told, besides the noisy latents, where to paint and what is around it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.inference.tryon import try_on
from humangen.models.tryon import TryOnPipeline
from humangen.types import InputError
from tests.conftest import randomise, tiny_inputs, tiny_unet
from tests.unit.tasks.test_tryon_task import task_of
from tests.unit.tiny import tiny_pair_batch, tiny_tryon_pipeline


def inpainting(scheme: str = "causal", **options: Any) -> TryOnPipeline:
    pipeline = tiny_tryon_pipeline(scheme, **options)
    torch.manual_seed(0)
    unet = tiny_unet(in_channels=9)
    randomise(unet)
    pipeline.denoiser.unet = unet.eval()
    return pipeline


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> tuple[TryOnPipeline, list[Tensor]]:
    """A pipeline, and all that enters its U-Net."""
    pipeline, rows = inpainting(), []
    forward = pipeline.denoiser.unet.forward

    def spying(entering: Tensor, *rest: Any) -> Tensor:
        rows.append(entering)
        return forward(entering, *rest)

    monkeypatch.setattr(pipeline.denoiser.unet, "forward", spying)
    return pipeline, rows


def test_it_is_told_where_to_paint_and_what_is_known(told: tuple[TryOnPipeline, list[Tensor]]) -> None:
    """Of a reference all is known and nothing is to be painted, whichever way it is read."""
    pipeline, rows = told
    batch = tiny_pair_batch(["a", "b"])
    garment = pipeline.encode_garment(batch.garment)
    condition = pipeline.dressing(batch, garment)
    assert condition.region is not None
    assert condition.outside is not None
    noisy, times = torch.randn_like(condition.outside), torch.tensor([999, 20])
    reference = torch.cat([garment.latents, torch.zeros(2, 1, 8, 8), garment.latents], dim=1)
    target = torch.cat([noisy[:, 0], condition.region[:, 0], condition.outside[:, 0]], dim=1)
    with torch.no_grad():
        cache = pipeline.denoiser.prepare(garment)
        pipeline.denoiser(noisy, times, condition, cache)
        pipeline.denoiser.join(noisy, times, condition, garment)
    read, painted, joint = rows
    assert torch.equal(read, reference)
    assert torch.equal(painted, target)
    assert torch.equal(joint, torch.cat([reference, target]))


@torch.no_grad()
def test_cached_equals_joint() -> None:
    pipeline, batch = inpainting(), tiny_pair_batch(["a", "b"])
    garment = pipeline.encode_garment(batch.garment)
    condition = pipeline.dressing(batch, garment)
    assert condition.outside is not None
    noisy, times = torch.randn_like(condition.outside), torch.tensor([999, 20])
    cached = pipeline.denoiser(noisy, times, condition, pipeline.denoiser.prepare(garment))
    joint = pipeline.denoiser(noisy, times, condition, garment)
    torch.testing.assert_close(cached, joint, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scheme", ["causal", "full", "canvas"])
def test_it_learns_and_paints(scheme: str) -> None:
    pipeline, batch = inpainting(scheme, outside="none"), tiny_pair_batch(["a", "b"])
    losses, _ = task_of(pipeline).losses(batch, 0)
    losses.sum().backward()
    gradient = pipeline.denoiser.unet.conv_in.weight.grad
    assert gradient is not None
    assert (gradient.flatten(2).abs().amax((0, 2)) > 0).all()  # of every one of the nine channels
    painted = try_on(pipeline, batch, sampler=Sampler(num_steps=2), guidance=2.0)
    assert painted.isfinite().all()


@pytest.mark.parametrize("scheme", ["causal", "canvas"])
def test_it_cannot_animate(scheme: str) -> None:
    with pytest.raises(InputError, match="inpainting U-Net, which needs a region to paint into: train try-on"):
        inpainting(scheme).denoiser(*tiny_inputs())

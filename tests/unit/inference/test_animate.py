"""Clips out of windows, and each clip its own business."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.inference.animate import animate
from humangen.types import Condition, Reference
from tests.conftest import tiny_inputs
from tests.unit.tiny import tiny_pipeline

SAMPLER = Sampler(num_steps=2)


def painted(scheme: str, clips: list[int], keys: str = "abc", **options) -> Tensor:
    """The clips with these numbers, painted in one batch."""
    _, _, condition, reference = tiny_inputs(references=3, clips=3, frames=options.pop("frames", 1))
    chosen = Reference(reference.latents[clips], reference.pose[clips], reference.tokens[clips])
    return animate(
        tiny_pipeline(scheme),
        chosen,
        Condition(condition.pose[clips], condition.tokens[clips]),
        keys=[keys[clip] for clip in clips],
        **{"sampler": SAMPLER, **options},
    )


@pytest.mark.parametrize("scheme", ["causal", "full", "canvas"])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_a_clip_does_not_depend_on_its_company(scheme: str, guidance: float) -> None:
    together = painted(scheme, [0, 1, 2], guidance=guidance)
    turned = painted(scheme, [2, 0], guidance=guidance)
    alone = painted(scheme, [1], guidance=guidance)
    assert together.shape == (3, 1, 3, 64, 64)
    torch.testing.assert_close(together[[2, 0]], turned, rtol=0, atol=1e-4)
    torch.testing.assert_close(together[[1]], alone, rtol=0, atol=1e-4)


def test_long_clips_do_not_depend_on_their_company_either() -> None:
    options = {"frames": 4, "sampler": Sampler(num_steps=2, window=3, overlap=1)}
    together = painted("causal", [0, 1], **options)
    assert together.shape == (2, 4, 3, 64, 64)
    torch.testing.assert_close(together[[1]], painted("causal", [1], **options), rtol=0, atol=1e-4)


def test_seed_and_key_choose_the_picture() -> None:
    one = painted("causal", [0])
    assert torch.equal(one, painted("causal", [0]))
    assert not torch.equal(one, painted("causal", [0], seed=1))
    assert not torch.equal(one, painted("causal", [0], keys="xyz"))


def test_clips_may_share_a_reference() -> None:
    pipeline = tiny_pipeline()
    _, _, condition, reference = tiny_inputs(references=1, clips=2)
    both = animate(pipeline, reference, condition, keys=["a", "b"], sampler=SAMPLER)
    second = Condition(condition.pose[1:], condition.tokens[1:])
    alone = animate(pipeline, reference, second, keys=["b"], sampler=SAMPLER)
    torch.testing.assert_close(both[1:], alone, rtol=0, atol=1e-4)


def test_no_reference_paints_somebody() -> None:
    condition = tiny_inputs()[2]
    pictures = animate(tiny_pipeline(), None, condition, keys=["a", "b"], sampler=SAMPLER)
    assert pictures.shape == (2, 1, 3, 64, 64)
    assert pictures.isfinite().all()

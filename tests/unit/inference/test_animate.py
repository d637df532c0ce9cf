"""Clips out of windows, and each clip its own business."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.inference.animate import animate
from humangen.inference.windows import windowed, windows
from humangen.types import Condition, InputError, Reference
from tests.conftest import tiny_inputs
from tests.unit.tiny import tiny_pipeline

SAMPLER = Sampler(num_steps=2)


@pytest.mark.parametrize("num_frames", range(1, 40))
@pytest.mark.parametrize(("length", "overlap"), [(16, 4), (8, 0), (5, 4), (1, 0)])
def test_windows_cover_every_frame_and_end_at_the_last(num_frames: int, length: int, overlap: int) -> None:
    found = windows(num_frames, length, overlap)
    assert {frame for window in found for frame in window} == set(range(num_frames))
    assert found[-1].stop == num_frames
    assert all(len(window) == min(length, num_frames) and window.step == 1 for window in found)
    for one, other in zip(found, found[1:], strict=False):
        assert other.start > one.start
        assert one.stop - other.start >= overlap


@pytest.mark.parametrize(("length", "overlap"), [(4, 4), (4, 5), (4, -1), (0, 0)])
def test_windows_that_cannot_be_are_refused(length: int, overlap: int) -> None:
    with pytest.raises(InputError, match="overlap"):
        windows(10, length, overlap)


def test_one_window_is_the_function_itself() -> None:
    latents, timestep = torch.randn(2, 5, 4, 3, 3), torch.zeros(2)
    denoise = windowed([(range(5), lambda latents, timestep: latents.square())], 5)
    assert torch.equal(denoise(latents, timestep), latents.square())


def test_overlapping_windows_are_averaged() -> None:
    def constant(value: float):
        return lambda latents, timestep: torch.full_like(latents, value)

    denoise = windowed([(range(3), constant(1.0)), (range(2, 5), constant(3.0))], 5)
    result = denoise(torch.zeros(1, 5, 1, 1, 1), torch.zeros(1))
    assert result.flatten().tolist() == [1, 1, 2, 3, 3]


def painted(scheme: str, clips: list[int], keys: str = "abc", **options) -> Tensor:
    """The clips with these numbers, painted in one batch."""
    _, _, condition, reference = tiny_inputs(references=3, clips=3, frames=options.pop("frames", 1))
    chosen = Reference(reference.latents[clips], reference.pose[clips], reference.tokens[clips])
    return animate(
        tiny_pipeline(scheme),
        chosen,
        Condition(condition.pose[clips], condition.tokens[clips]),
        keys=[keys[clip] for clip in clips],
        sampler=SAMPLER,
        **options,
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
    options = {"frames": 4, "window": 3, "overlap": 1}
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

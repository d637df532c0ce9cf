"""In half the precision nearly the same is painted: the network computes in it, and nothing else does."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from humangen.checkpoint import load_pipeline, load_sampler
from humangen.data.dancers import render_clip
from humangen.inference.animate import animate
from humangen.media import to_tensor
from humangen.metrics.image import psnr
from humangen.models.pipeline import Pipeline
from humangen.models.speed import PRECISIONS, compute_in, precision_on
from humangen.pose.draw import draw_poses
from humangen.types import InputError
from tests.conftest import tiny_denoiser, tiny_inputs

DECIBELS = {"bfloat16": 55, "float16": 70}  # 60 and 79 with these weights, where those of the dancer herself are 27


class Painted(NamedTuple):
    frames: Tensor  # F 3 H W
    shown: list[Tensor]  # what the denoiser was shown
    predicted: list[Tensor]
    decoded: list[Tensor]
    inside: set[torch.dtype]  # of what the first convolution takes


def paint(pipeline: Pipeline) -> Painted:
    """Two windows of a dancer by the shipped weights, with guidance."""
    clip, device = render_clip(3, 5, 4, 4.0, 128, 128), pipeline.denoiser.unet.device
    frames = to_tensor(clip.frames).to(device)
    poses = ((to_tensor(draw_poses(clip.keypoints, 128, 128)) + 1) / 2).to(device)
    kept = Painted(frames, [], [], [], set())

    def keep(_: Any, given: tuple[Tensor, ...], prediction: Tensor) -> None:
        kept.shown.append(given[0])
        kept.predicted.append(prediction)

    def decode(latents: Tensor) -> Tensor:
        kept.decoded.append(latents)
        return type(pipeline.codec).decode(pipeline.codec, latents)

    pipeline.denoiser.register_forward_hook(keep)
    pipeline.denoiser.unet.conv_in.register_forward_pre_hook(lambda _, given: kept.inside.add(given[0].dtype))
    object.__setattr__(pipeline.codec, "decode", decode)
    with torch.inference_mode():
        reference = pipeline.encode_reference(frames[:1], poses[:1])
        painted = animate(
            pipeline,
            reference,
            pipeline.condition(reference, poses[None, 1:]),
            keys=["dancer"],
            sampler=load_sampler("shipped", num_steps=2, window=2, overlap=1),
            guidance=1.5,
        )
    return kept._replace(frames=painted[0])


@cache
def as_loaded() -> Painted:
    return paint(load_pipeline("shipped"))


@cache
def in_precision(precision: str) -> tuple[Pipeline, Painted]:
    pipeline = load_pipeline("shipped")
    compute_in(pipeline, precision)
    return pipeline, paint(pipeline)


def test_float32_changes_nothing() -> None:
    assert torch.equal(in_precision("float32")[1].frames, as_loaded().frames)


@pytest.mark.parametrize("precision", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_half_the_precision_paints_nearly_the_same(precision: str) -> None:
    pipeline, painted = in_precision(precision)
    ratios = psnr((painted.frames + 1) / 2, (as_loaded().frames + 1) / 2)
    assert DECIBELS[precision] < ratios.min()
    assert ratios.max() < 100
    assert {each.dtype for each in pipeline.denoiser.parameters()} == {PRECISIONS[precision]}
    others = [*pipeline.codec.state_dict().values(), *pipeline.image_encoder.state_dict().values()]
    assert {each.dtype for each in others} == {torch.float32}


def test_noise_latents_and_guidance_keep_float32() -> None:
    _, painted = in_precision("bfloat16")
    assert painted.inside == {torch.bfloat16}
    assert len(painted.shown) == 2 * 2 * 2  # windows, steps, with and without the reference
    assert {each.dtype for each in (*painted.shown, *painted.predicted, *painted.decoded)} == {torch.float32}
    assert torch.equal(painted.shown[0], as_loaded().shown[0])  # the noise
    assert not torch.equal(painted.shown[-1], as_loaded().shown[-1])


def test_the_layout_of_convolutions_changes_nothing() -> None:
    """As on CUDA: the temporal layers take frames out of it and put them back."""
    noisy, timestep, condition, reference = tiny_inputs(references=1, clips=2, frames=3)
    denoiser = tiny_denoiser()
    layouts: list[bool] = []
    with torch.no_grad():
        expected = denoiser(noisy, timestep, condition, denoiser.read(reference))
        denoiser.to(memory_format=torch.channels_last)
        for block in denoiser.unet.down_blocks:
            block.resnets[0].conv1.register_forward_hook(
                lambda _, __, hidden: layouts.append(hidden.is_contiguous(memory_format=torch.channels_last))
            )
        found = denoiser(noisy, timestep, condition, denoiser.read(reference))
    assert layouts == [True] * 4
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scheme", ["causal", "full", "canvas"])
def test_every_join_computes_in_the_type_of_its_weights(scheme: str) -> None:
    noisy, timestep, condition, reference = tiny_inputs(references=1, clips=2, frames=2)
    denoiser = tiny_denoiser(scheme)
    with torch.no_grad():
        exact = denoiser(noisy, timestep, condition, denoiser.prepare(reference))
        denoiser.to(torch.bfloat16)
        found = denoiser(noisy, timestep, condition, denoiser.prepare(reference))
        assert torch.equal(
            found, denoiser(noisy, timestep, denoiser.encode_pose(condition), denoiser.prepare(reference))
        )
    assert found.dtype == torch.float32
    assert 0 < (found - exact).square().mean() < 1e-3 * exact.square().mean()


def test_the_usual_precision_of_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, usual in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, has=has: has)
        assert precision_on("cpu") == "float32"
        assert precision_on("cuda:1") == usual
        assert precision_on("cuda", "float16") == "float16"
    with pytest.raises(InputError, match="no precision 'bf16'; there are float32, bfloat16, float16"):
        precision_on("cpu", "bf16")

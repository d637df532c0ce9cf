"""A stage trains what it says, and nothing else."""

from __future__ import annotations

import pytest

from humangen.models.motion import motion_parameters
from humangen.models.parts import PARTS, train_only
from humangen.types import InputError
from tests.unit.tiny import tiny_pipeline


def trained(parts: str) -> set[str]:
    denoiser = tiny_pipeline().denoiser
    train_only(denoiser, "unet")
    train_only(denoiser, parts)
    return {name for name, parameter in denoiser.named_parameters() if parameter.requires_grad}


def test_unet_and_motion_are_everything_and_share_nothing() -> None:
    denoiser = tiny_pipeline().denoiser
    assert trained("unet") | trained("motion") == {name for name, _ in denoiser.named_parameters()}
    assert not trained("unet") & trained("motion")
    assert len(trained("motion")) == len(motion_parameters(denoiser.unet)) > 0
    assert all("motion_modules" in name for name in trained("motion"))


def test_self_attention_is_where_the_halves_meet_and_the_pose_encoder() -> None:
    names = trained("self_attention")
    assert {name.split(".")[0] for name in names} == {"unet", "pose_encoder"}
    layers = [name for name in names if name.startswith("unet")]
    assert layers
    assert all(".attn1.to_" in name and "motion_modules" not in name for name in layers)


def test_other_parts_are_named() -> None:
    with pytest.raises(InputError, match="no parts 'image' to train; there are unet, self_attention, motion"):
        train_only(tiny_pipeline().denoiser, "image")
    assert set(PARTS) == {"unet", "self_attention", "motion"}

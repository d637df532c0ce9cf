"""The U-Net is diffusers' own, and its temporal layers see clips alone."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNetMotionModel

from humangen.attention.spatial import Alone
from humangen.models.motion import motion_parameters
from humangen.models.unet import SpatialUNet
from tests.conftest import WIDTH, randomise, tiny_denoiser, tiny_inputs, tiny_unet


def stock(unet: SpatialUNet) -> UNetMotionModel:
    config = {name: value for name, value in unet.config.items() if not name.startswith("_")}
    return UNetMotionModel(**config).eval()


def randomise_motion(unet: SpatialUNet, seed: int) -> None:
    randomise(torch.nn.ParameterList(motion_parameters(unet)), seed)


def test_parameters_are_those_of_diffusers() -> None:
    own = tiny_unet()
    assert {name: value.shape for name, value in own.state_dict().items()} == {
        name: value.shape for name, value in stock(own).state_dict().items()
    }


@pytest.mark.parametrize("changes", [{}, {"layers_per_block": 2, "use_linear_projection": True}])
@torch.no_grad()
def test_prediction_is_that_of_diffusers(changes: dict) -> None:
    torch.manual_seed(0)
    own = tiny_unet(**changes).eval()
    randomise(own)
    plain = stock(own)
    plain.load_state_dict(own.state_dict())
    clips, frames = 2, 3
    noisy, tokens = torch.randn(clips, frames, 4, 8, 8), torch.randn(clips, 1, WIDTH)
    timestep = torch.tensor([999, 20])
    tokens = tokens.repeat_interleave(frames, 0)
    theirs = plain(noisy.transpose(1, 2), timestep, tokens).sample.transpose(1, 2)
    ours = own(
        noisy.flatten(0, 1),
        timestep.repeat_interleave(frames),
        tokens,
        torch.zeros(()),
        Alone(frames=frames),
    )
    torch.testing.assert_close(ours.unflatten(0, (clips, frames)), theirs, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_picture_passes_no_temporal_layer() -> None:
    denoiser = tiny_denoiser()
    inputs, clips = tiny_inputs(), tiny_inputs(frames=3)
    before, before_clips = denoiser(*inputs), denoiser(*clips)
    randomise_motion(denoiser.unet, seed=7)
    assert torch.equal(denoiser(*inputs), before)
    assert (denoiser(*clips) - before_clips).abs().max() > 1e-3


@torch.no_grad()
def test_the_reference_of_a_clip_passes_no_temporal_layer() -> None:
    denoiser = tiny_denoiser()
    reference = tiny_inputs(frames=3)[3]
    before = denoiser.read(reference).layers
    randomise_motion(denoiser.unet, seed=7)
    after = denoiser.read(reference).layers
    assert all(torch.equal(after[layer][0], before[layer][0]) for layer in before)


@torch.no_grad()
def test_fresh_temporal_layers_are_the_identity() -> None:
    torch.manual_seed(0)
    denoiser = tiny_denoiser()
    fresh = tiny_unet().eval()
    spatial = {name: value for name, value in denoiser.unet.state_dict().items() if "motion_modules" not in name}
    fresh.load_state_dict(spatial, strict=False)
    denoiser.unet = fresh
    noisy, timestep, condition, reference = tiny_inputs(frames=3)
    together = denoiser(noisy, timestep, condition, reference)
    for frame in range(3):
        condition_of_frame = type(condition)(condition.pose[:, frame : frame + 1], condition.tokens)
        alone = denoiser(noisy[:, frame : frame + 1], timestep, condition_of_frame, reference)
        torch.testing.assert_close(together[:, frame : frame + 1], alone, rtol=0, atol=1e-5)


def test_motion_parameters_are_the_temporal_layers() -> None:
    unet = tiny_unet()
    named = [parameter for name, parameter in unet.named_parameters() if "motion_modules" in name]
    assert {id(parameter) for parameter in motion_parameters(unet)} == {id(parameter) for parameter in named}


@torch.no_grad()
def test_pose_features_reach_the_prediction() -> None:
    denoiser = tiny_denoiser()
    noisy, timestep, condition, reference = tiny_inputs()
    before = denoiser(noisy, timestep, condition, reference)
    condition.pose = 1 - condition.pose
    assert (denoiser(noisy, timestep, condition, reference) - before).abs().max() > 1e-5

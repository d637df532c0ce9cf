"""The networks around the denoiser: pose and picture tokens."""

from __future__ import annotations

import torch

from humangen.models.image_encoder import ClipImageEncoder, NoImageEncoder
from humangen.models.pose_encoder import PoseEncoder, fourier_grid
from tests.unit.tiny import tiny_pipeline

CLIP = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "image_size": 32, "patch_size": 16, "projection_dim": 24}  # fmt: skip


def tiny_clip() -> ClipImageEncoder:
    return ClipImageEncoder.from_config(**CLIP)


@torch.no_grad()
def test_a_fresh_pose_encoder_adds_nothing() -> None:
    features = PoseEncoder(width=32, channels=(4, 8, 8, 8))(torch.rand(2, 3, 64, 96))
    assert features.shape == (2, 32, 8, 12)
    assert not features.any()


def test_a_fresh_pose_encoder_can_learn() -> None:
    encoder = PoseEncoder(width=32, channels=(4, 8, 8, 8))
    encoder(torch.rand(1, 3, 64, 64)).sum().backward()
    assert encoder.stem.conv_out.weight.grad.any()


@torch.no_grad()
def test_positions_are_the_same_for_every_pose_and_differ_between_places() -> None:
    encoder = PoseEncoder(width=32, channels=(4, 8, 8, 8), position_frequencies=3)
    one, other = (encoder(torch.rand(1, 3, 64, 64)) for _ in range(2))
    assert torch.equal(one, other)
    places = fourier_grid(one, 3)
    assert places.shape == (1, 12, 8, 8)
    assert len(torch.unique(places[0].flatten(1).T, dim=0)) == 64


@torch.no_grad()
def test_clip_gives_one_token_that_depends_on_the_picture() -> None:
    encoder = tiny_clip()
    tokens = encoder(torch.rand(2, 3, 50, 70) * 2 - 1)
    assert tokens.shape == (2, 1, 24)
    assert (tokens[0] - tokens[1]).abs().max() > 1e-4
    assert encoder.null(3).shape == (3, 1, 24)


def test_clip_is_frozen_and_the_same_from_the_same_seed() -> None:
    encoder = tiny_clip()
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not encoder.train().clip.training
    picture = torch.rand(1, 3, 32, 32)
    assert torch.equal(encoder(picture), tiny_clip()(picture))


def test_null_tokens_are_the_same_in_training_and_in_sampling() -> None:
    pipeline = tiny_pipeline()
    pictures = torch.rand(2, 3, 64, 64)
    for encoder in (tiny_clip(), NoImageEncoder(width=16)):
        pipeline.image_encoder = encoder
        reference = pipeline.encode_reference(pictures, pictures)
        condition = pipeline.condition(reference, torch.rand(4, 1, 3, 64, 64))
        sampling = pipeline.unconditional(condition).tokens
        assert torch.equal(pipeline.null_tokens(condition), sampling)
        assert sampling.shape == condition.tokens.shape
        assert torch.equal(condition.tokens[0], condition.tokens[1])


def test_the_switched_off_branch_tells_nothing_of_the_picture() -> None:
    encoder = NoImageEncoder(width=16)
    assert torch.equal(encoder(torch.rand(2, 3, 8, 8)), encoder.null(2))


def test_training_mode_leaves_the_frozen_networks_alone() -> None:
    pipeline = tiny_pipeline().train()
    assert pipeline.denoiser.training
    assert not pipeline.codec.training
    assert not any(parameter.requires_grad for parameter in pipeline.codec.parameters())


def test_a_training_in_half_the_precision_sees_the_very_tokens_of_inference() -> None:
    clip, pixels = tiny_clip(), torch.rand(1, 3, 64, 64) * 2 - 1
    tokens = clip(pixels)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(clip(pixels), tokens)

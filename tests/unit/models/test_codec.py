"""Pictures to latents and back."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL

from humangen.models.codec import AT_ONCE, Codec, PatchCodec
from humangen.models.vae import LatentCodec
from humangen.types import InputError
from tests.unit.tiny import tiny_codec


def tiny_latent_codec() -> LatentCodec:
    torch.manual_seed(0)
    return LatentCodec(AutoencoderKL(
        block_out_channels=[16, 16],
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        layers_per_block=1,
        norm_num_groups=8,
        scaling_factor=0.5,
    ))  # fmt: skip


CODECS = [tiny_codec, tiny_latent_codec]


@pytest.mark.parametrize("make", CODECS)
def test_a_round_trip_keeps_the_shape(make) -> None:
    codec: Codec = make()
    pixels = torch.rand(2, 3, 64, 96) * 2 - 1
    latents = codec.encode(pixels)
    assert latents.shape == (2, codec.channels, 64 // codec.downscale, 96 // codec.downscale)
    decoded = codec.decode(latents * 20)
    assert decoded.shape == pixels.shape
    assert decoded.abs().max() <= 1
    assert not decoded.requires_grad


@pytest.mark.parametrize("make", CODECS)
def test_a_size_the_codec_cannot_take_is_named(make) -> None:
    codec: Codec = make()
    for size in ((63, 64), (64, 65)):
        with pytest.raises(InputError, match=f"{size[0]}x{size[1]}.*multiples of {codec.downscale}"):
            codec.encode(torch.zeros(1, 3, *size))


def test_a_long_clip_comes_back_a_few_frames_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    codec, pixels, given = tiny_codec(), torch.rand(2 * AT_ONCE + 3, 3, 16, 16) * 2 - 1, []
    whole = codec.decode(codec.encode(pixels))
    for name in ("analyse", "synthesise"):
        way = getattr(codec, name)
        monkeypatch.setattr(codec, name, lambda rows, way=way: given.append(len(rows)) or way(rows))
    torch.testing.assert_close(codec.round_trip(pixels), whole)
    assert max(given) == AT_ONCE
    assert sum(given) == 2 * len(pixels)


@torch.no_grad()
def test_scaled_latents_are_scaled_back() -> None:
    codec, pixels = tiny_latent_codec(), torch.rand(1, 3, 32, 32)
    mean = codec.autoencoder.encode(pixels).latent_dist.mean
    torch.testing.assert_close(codec.encode(pixels), 0.5 * mean)
    latents = torch.randn(1, 4, 16, 16)
    torch.testing.assert_close(codec.synthesise(latents), codec.autoencoder.decode(2 * latents).sample)


@torch.no_grad()
def test_all_components_give_the_picture_back() -> None:
    codec = PatchCodec(channels=192, widths=(16, 16), groups=8)
    pictures = torch.rand(16, 3, 32, 32) * 2 - 1
    codec.fit_components([pictures])
    torch.testing.assert_close(codec.decode(codec.encode(pictures)), pictures, rtol=0, atol=1e-3)


def test_fewer_components_are_the_best_of_their_number() -> None:
    pictures = torch.rand(16, 3, 32, 32)
    pictures[:, :, :, ::2] = pictures[:, :, :, 1::2]  # some structure to find

    def error(channels: int) -> float:
        codec = PatchCodec(channels=channels, widths=(16, 16), groups=8)
        codec.fit_components([pictures[:8], pictures[8:]])
        return (codec.decode(codec.encode(pictures)) - pictures).square().mean().item()

    errors = [error(channels) for channels in (1, 8, 64, 96)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-6  # half of the values are copies


def test_latents_are_of_about_unit_size() -> None:
    codec = tiny_codec()
    latents = codec.encode(torch.rand(8, 3, 64, 64) * 2 - 1)
    assert 0.5 < latents.std() < 2


def test_a_saved_codec_is_read_again(tmp_path) -> None:
    codec, pixels = tiny_codec(), torch.rand(1, 3, 32, 32)
    codec.save(tmp_path)
    again = PatchCodec.from_folder(tmp_path)
    torch.testing.assert_close(again.encode(pixels), codec.encode(pixels), rtol=0, atol=2e-2)
    latents = torch.rand(1, 4, 4, 4)
    torch.testing.assert_close(again.decode(latents), codec.decode(latents), rtol=0, atol=2e-2)


def test_a_saved_autoencoder_is_read_again(tmp_path) -> None:
    codec, pixels = tiny_latent_codec(), torch.rand(1, 3, 32, 32)
    codec.autoencoder.save_pretrained(tmp_path)
    torch.testing.assert_close(LatentCodec.from_folder(tmp_path).encode(pixels), codec.encode(pixels))


@pytest.mark.parametrize("kind", [LatentCodec, PatchCodec])
def test_a_folder_without_a_codec_is_named(kind, tmp_path) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        kind.from_folder(tmp_path)


@pytest.mark.parametrize("make", [tiny_codec, tiny_latent_codec])
def test_a_training_in_half_the_precision_sees_the_very_latents_of_inference(make) -> None:
    codec, pixels = make(), torch.rand(1, 3, 64, 64) * 2 - 1
    latents = codec.encode(pixels)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(codec.encode(pixels), latents)
        assert torch.equal(codec.decode(latents), codec.decode(latents.clone()))
    assert torch.equal(codec.decode(latents), codec.decode(latents))

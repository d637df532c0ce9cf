"""Published parts, in tiny folders: every weight arrives, and what does not fit is named."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel, UNetMotionModel
from safetensors.torch import load_file, save_file

from humangen.attention.spatial import Alone
from humangen.models import loading, sd15
from humangen.models.image_encoder import ClipImageEncoder, NoImageEncoder
from humangen.models.unet import SpatialUNet
from humangen.models.vae import LatentCodec
from humangen.types import InputError
from tests.conftest import LATENT, WIDTH
from tests.unit.published import (
    TINY_STEM,
    tiny_adapter,
    tiny_autoencoder,
    tiny_clip,
    tiny_controlnet,
    tiny_pipeline_folder,
    tiny_unet2d,
)

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_pipeline_folder(tmp_path / "weights")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    loading.announce.cache_clear()
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records if record.name == loading.__name__]


def frames(unet: SpatialUNet, noisy: torch.Tensor, timestep: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """The prediction (K F C h w) for clips without pose and reference."""
    count = noisy.shape[1]
    times, tokens = timestep.repeat_interleave(count), tokens.repeat_interleave(count, 0)
    return unet(noisy.flatten(0, 1), times, tokens, torch.zeros(()), Alone(frames=count)).unflatten(0, noisy.shape[:2])


def inputs(channels: int, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(2, count, channels, LATENT, LATENT), torch.tensor([999, 20]), torch.randn(2, 3, WIDTH)


@pytest.mark.parametrize(
    "changes",
    [{}, {"in_channels": 9}, {"attention_head_dim": (2, 4), "use_linear_projection": True, "upcast_attention": True}],
    ids=["sd15", "inpainting", "sd21"],
)
@torch.no_grad()
def test_a_picture_is_painted_as_the_published_unet_paints_it(changes: dict[str, Any], tmp_path: Path) -> None:
    flat = tiny_unet2d(**changes)
    flat.save_pretrained(tmp_path / "unet")
    own = sd15.unet(pretrained=str(tmp_path)).eval()
    assert all(torch.equal(own.state_dict()[name], value) for name, value in flat.state_dict().items())
    assert not any(value.is_meta for value in own.state_dict().values())
    noisy, timestep, tokens = inputs(flat.config.in_channels, 1)
    theirs = flat(noisy[:, 0], timestep, tokens).sample
    torch.testing.assert_close(frames(own, noisy, timestep, tokens)[:, 0], theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"use_motion_mid_block": False, "motion_max_seq_length": 24}])
@torch.no_grad()
def test_a_clip_is_painted_as_diffusers_paints_it(changes: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    adapter = tiny_adapter(**changes)
    adapter.save_pretrained(tmp_path / "motion")
    own = sd15.unet(pretrained=str(folder), motion=str(tmp_path / "motion")).eval()
    assert all(torch.equal(own.state_dict()[name], value) for name, value in adapter.state_dict().items())
    theirs = UNetMotionModel.from_unet2d(UNet2DConditionModel.from_pretrained(folder / "unet"), adapter).eval()
    noisy, timestep, tokens = inputs(4, 3)
    wanted = theirs(noisy.transpose(1, 2), timestep, tokens.repeat_interleave(3, 0)).sample.transpose(1, 2)
    painted = frames(own, noisy, timestep, tokens)
    torch.testing.assert_close(painted, wanted, rtol=0, atol=1e-5)
    apart = frames(sd15.unet(pretrained=str(folder)).eval(), noisy, timestep, tokens)
    assert (painted - apart).abs().max() > 1e-3  # and the adapter does something


@torch.no_grad()
def test_without_an_adapter_the_temporal_layers_are_the_identity_and_said_to_be_fresh(folder: Path, lines) -> None:
    own = sd15.unet(pretrained=str(folder)).eval()
    noisy, timestep, tokens = inputs(4, 3)
    together = frames(own, noisy, timestep, tokens)
    alone = torch.cat([frames(own, noisy[:, [each]], timestep, tokens) for each in range(3)], dim=1)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    assert any("no adapter given; fresh temporal layers, zero-initialised" in line for line in lines())


def test_more_frames_than_positions_are_refused(folder: Path, tmp_path: Path) -> None:
    tiny_adapter(motion_max_seq_length=4).save_pretrained(tmp_path / "motion")
    own = sd15.unet(pretrained=str(folder), motion=str(tmp_path / "motion"))
    with pytest.raises(InputError, match="4 positions.*5 frames"):
        frames(own, *inputs(4, 5))


def test_the_report_tells_the_parts_once(folder: Path, tmp_path: Path, lines) -> None:
    tiny_adapter().save_pretrained(tmp_path / "motion")
    for _ in range(2):
        sd15.unet(pretrained=str(folder), motion=str(tmp_path / "motion"))
        LatentCodec.from_folder(folder)
    unet, motion, vae = lines()
    total, down = len(tiny_unet2d().state_dict()), len(tiny_unet2d().down_blocks.state_dict())
    assert f"U-Net: {total} tensors loaded (down {down}, mid " in unet
    assert "0 missing, 0 unexpected, from " in unet
    assert str(folder / "unet" / WEIGHTS) in unet
    assert motion.startswith(f"motion adapter: {len(tiny_adapter().state_dict())} tensors loaded (down ")
    assert vae.startswith(f"vae: {len(tiny_autoencoder().state_dict())} tensors loaded (encoder ")


def test_the_vae_arrives_whole(folder: Path) -> None:
    codec = LatentCodec.from_folder(folder)
    wanted = tiny_autoencoder().state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in codec.autoencoder.state_dict().items())


def test_the_image_encoder_is_another_or_the_folders_own_or_none(folder: Path, tmp_path: Path, lines) -> None:
    tiny_clip().save_pretrained(tmp_path / "clip")
    assert type(sd15.image_encoder(pretrained=str(folder))) is NoImageEncoder
    assert "image encoder: none; cross-attention sees one zero token" in lines()
    other = sd15.image_encoder(pretrained=str(folder), source=str(tmp_path / "clip"))
    tiny_clip().save_pretrained(folder / "image_encoder")
    own = sd15.image_encoder(pretrained=str(folder))
    for encoder in (other, own):
        assert isinstance(encoder, ClipImageEncoder)
        wanted = tiny_clip().state_dict()
        assert all(torch.equal(value, wanted[name]) for name, value in encoder.clip.state_dict().items())
    off = sd15.image_encoder(pretrained=str(folder), source="none")
    assert type(off) is NoImageEncoder
    assert off.width == WIDTH


def test_an_image_encoder_of_another_width_is_refused(folder: Path, tmp_path: Path) -> None:
    tiny_clip(projection_dim=24).save_pretrained(tmp_path / "clip")
    with pytest.raises(InputError, match=f"width 24.* takes {WIDTH}.*model.image_encoder.source"):
        sd15.image_encoder(pretrained=str(folder), source=str(tmp_path / "clip"))


@torch.no_grad()
def test_the_pose_encoder_starts_from_the_stem_and_adds_nothing(folder: Path, tmp_path: Path) -> None:
    controlnet = tiny_controlnet()
    controlnet.save_pretrained(tmp_path / "openpose")
    encoder = sd15.pose_encoder(pretrained=str(folder), controlnet=str(tmp_path / "openpose"))
    wanted = controlnet.controlnet_cond_embedding.state_dict()
    for name, value in encoder.stem.state_dict().items():
        assert torch.equal(value, torch.zeros_like(value) if name.startswith("conv_out") else wanted[name]), name
    assert not encoder(torch.rand(1, 3, 64, 64)).any()
    assert encoder.stem.conv_in.weight.shape[0] == TINY_STEM[0]
    assert sd15.pose_encoder(pretrained=str(folder))(torch.rand(1, 3, 64, 64)).shape == (1, 32, 8, 8)


def _load_unet(folder: Path, place: Path) -> Any:
    return sd15.unet(pretrained=str(folder))


def _load_motion(folder: Path, place: Path) -> Any:
    return sd15.unet(pretrained=str(folder), motion=str(place))


def _load_vae(folder: Path, place: Path) -> Any:
    return LatentCodec.from_folder(folder)


def _load_clip(folder: Path, place: Path) -> Any:
    return sd15.image_encoder(pretrained=str(folder), source=str(place))


def _load_stem(folder: Path, place: Path) -> Any:
    return sd15.pose_encoder(pretrained=str(folder), controlnet=str(place))


PARTS = {
    "unet": (_load_unet, tiny_unet2d, "up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight"),
    "motion": (_load_motion, tiny_adapter, "mid_block.motion_modules.0.proj_out.weight"),
    "vae": (_load_vae, tiny_autoencoder, "decoder.mid_block.attentions.0.to_q.weight"),
    "clip": (_load_clip, tiny_clip, "visual_projection.weight"),
    "openpose": (_load_stem, tiny_controlnet, "controlnet_cond_embedding.blocks.0.weight"),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_key_that_is_missing_renamed_or_of_another_shape_is_named(part: str, folder: Path) -> None:
    load, make, key = PARTS[part]
    place = folder / part
    make().save_pretrained(place)
    load(folder, place)
    file = place / ("model.safetensors" if part == "clip" else WEIGHTS)
    whole = load_file(file)

    def refused(weights: dict[str, torch.Tensor], pattern: str) -> None:
        save_file(weights, file)
        with pytest.raises(InputError, match=rf"(?s){file}.*{pattern}.*Choose with model\."):
            load(folder, place)

    refused({name: value for name, value in whole.items() if name != key}, f"1 missing.*: {key}")
    other = f"{key.removesuffix('weight')}wrong"
    renamed = {other if name == key else name: value for name, value in whole.items()}
    refused(renamed, f"1 missing.*: {key}.*1 unexpected.*: {other}")
    shape = "x".join(map(str, whole[key].shape))
    refused(whole | {key: whole[key][:-1].clone()}, f"1 of another shape: {key} is .* and must be {shape}")


def test_parts_of_another_kind_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="AutoencoderKL.*UNet2DConditionModel is needed"):
        sd15.unet(pretrained=str(folder / "vae"))
    with pytest.raises(InputError, match="UNet2DConditionModel.*AutoencoderKL is needed"):
        LatentCodec.from_folder(folder / "unet")
    with pytest.raises(InputError, match="UNet2DConditionModel.*ControlNetModel is needed"):
        sd15.pose_encoder(pretrained=str(folder), controlnet=str(folder / "unet"))


def test_a_unet_that_has_no_video_form_is_refused(tmp_path: Path) -> None:
    tiny_unet2d(resnet_time_scale_shift="scale_shift").save_pretrained(tmp_path / "unet")
    with pytest.raises(InputError, match="resnet_time_scale_shift = scale_shift"):
        sd15.unet(pretrained=str(tmp_path))

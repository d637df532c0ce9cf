"""Extractors: what their networks are given, and that a file of another network is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, ViTConfig, ViTModel

from humangen.metrics.features import middle, squash, to_bytes
from humangen.metrics.features_inception import InceptionClean
from humangen.metrics.features_resnet3d import ResNet3D
from humangen.metrics.features_video import I3D, KINETICS_MEAN, I3DSquashed, ResNetClips
from humangen.metrics.features_vit import Clip, VisionTransformer, clip_tensors
from humangen.types import InputError

SHA256 = "0" * 64


def clips(count: int = 2, frames: int = 9, size: int = 20) -> Tensor:
    return torch.rand(count, frames, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def randomised(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


class Layers(nn.Module):
    """Stands for Inception's TorchScript: the mean and deviation of what its layers see."""

    def forward(self, x: Tensor) -> Tensor:
        known = torch.stack([x.mean((1, 2, 3)), x.std((1, 2, 3)), x[:, 0, 5, 7]], dim=1)
        return nn.functional.pad(known, (0, 2045))[:, :, None, None]


class CleanNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = Layers()

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class ClipNetwork(nn.Module):
    """Stands for I3D's TorchScript: what it is given, as the first of 400 logits."""

    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        known = torch.stack([x.amin((1, 2, 3, 4)), x.amax((1, 2, 3, 4)), x[:, 1, 2, 3, 4]], dim=1)
        if rescale and resize and return_features:
            known = known / 1000
        return nn.functional.pad(known, (0, 397))


def scripted(network: nn.Module, path: Path) -> Path:
    torch.jit.script(network).save(str(path))
    return path


def by_pil(picture: np.ndarray, size: int) -> np.ndarray:
    channels = [Image.fromarray(picture[..., channel].astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC)
                for channel in range(3)]  # fmt: skip
    return np.stack([np.asarray(channel) for channel in channels])


@pytest.mark.parametrize("size", [24, 299, 400])
def test_squashing_is_pils(size: int) -> None:
    pixels = torch.randint(0, 256, (1, 3, 300, 260), generator=torch.Generator().manual_seed(0)).float()
    expected = by_pil(pixels[0].permute(1, 2, 0).numpy(), size)
    np.testing.assert_allclose(squash(pixels, size)[0].numpy(), expected, atol=2e-2)


@pytest.mark.parametrize(("height", "width"), [(300, 260), (80, 131), (256, 256)])
def test_the_middle_is_pils(height: int, width: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    scale = 256 / min(height, width)
    resized = Image.fromarray(picture).resize((int(width * scale), int(height * scale)), Image.Resampling.BICUBIC)
    left, top = round((resized.width - 224) / 2), round((resized.height - 224) / 2)
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224))).transpose(2, 0, 1) / 255
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
    assert np.abs(middle(pixels, 256, 224)[0].numpy() - expected).max() < 1.5 / 255


def test_bytes_are_rounded() -> None:
    levels = torch.arange(256, dtype=torch.float32)
    assert torch.equal(to_bytes(levels / 127.5 - 1), levels.to(torch.uint8))
    assert to_bytes(torch.tensor([-2.0, 2.0])).tolist() == [0, 255]


def test_clean_inception_is_given_what_clean_fid_gives(tmp_path: Path) -> None:
    extractor = InceptionClean(scripted(CleanNetwork(), tmp_path / "clean.pt"), SHA256)
    frames = clips(1, 2)
    features = extractor(frames)
    expected = (by_pil(to_bytes(frames)[0, 1].permute(1, 2, 0).numpy(), 299) - 128) / 128
    assert features.shape == (2, 2048)
    assert features[1, :3].tolist() == pytest.approx(
        [expected.mean(), expected.std(ddof=1), expected[0, 5, 7]], abs=1e-4
    )


def test_i3d_in_its_two_preparations(tmp_path: Path) -> None:
    file = scripted(ClipNetwork(), tmp_path / "i3d.pt")
    given = clips()
    bytes_ = to_bytes(given).float()
    own = I3D(file, SHA256)(given)
    assert own.shape == (2, 400)
    assert own[:, 2].tolist() == pytest.approx((bytes_[:, 2, 1, 3, 4] / 1000).tolist())
    squashed = I3DSquashed(file, SHA256)(given)
    expected = by_pil(bytes_[1, 2].permute(1, 2, 0).numpy(), 224)[1, 3, 4] / 127.5 - 1
    assert float(squashed[1, 2]) == pytest.approx(expected, abs=1e-4)
    with pytest.raises(InputError, match="9 frames or more, and these have 8"):
        I3D(file, SHA256)(clips(frames=8))


def test_a_script_of_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="another network"):
        InceptionClean(scripted(_Wrong(), tmp_path / "wrong.pt"), SHA256)(clips(1, 1))
    (tmp_path / "damaged.pt").write_bytes(b"damaged")
    with pytest.raises(InputError, match="TorchScript"):
        I3D(tmp_path / "damaged.pt", SHA256)


class _Wrong(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.AvgPool2d(299)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def test_the_3d_resnet_has_the_published_size() -> None:
    """47.0 M parameters (188 MB), as the file of Kinetics-400."""
    with torch.device("meta"):
        network = ResNet3D()
        assert network(torch.empty(1, 3, 16, 112, 112)).shape == (1, 2048)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == pytest.approx(47.0e6, rel=2e-3)
    assert {"conv1.weight", "layer1.0.downsample.1.running_var", "layer4.2.bn3.bias", "fc.bias"} <= set(
        network.state_dict()
    )


def test_segments_of_a_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 frames are two segments, the second filled up with the last frame; the mean of both counts."""
    with torch.device("meta"):
        network = ResNet3D()
    tensors = {
        f"module.{name}": torch.zeros(value.shape, dtype=value.dtype) for name, value in network.state_dict().items()
    }
    torch.save({"state_dict": tensors, "arch": "resnet-50", "epoch": 1}, tmp_path / "resnet.pth")
    extractor = ResNetClips(tmp_path / "resnet.pth", SHA256)
    seen: list[Tensor] = []

    def network_sees(segments: Tensor) -> Tensor:
        seen.append(segments)
        return torch.arange(4.0)[:, None].expand(-1, 2048)

    monkeypatch.setattr(extractor.network, "forward", network_sees)
    given = clips(2, 20, 112)
    features = extractor(given)
    assert features[:, 0].tolist() == [0.5, 2.5]
    assert seen[0].shape == (4, 3, 16, 112, 112)
    expected = to_bytes(given[0, 19]).float() - torch.tensor(KINETICS_MEAN)[:, None, None]
    for place in (3, 15):
        torch.testing.assert_close(seen[0][1, :, place], expected, atol=1e-3, rtol=0)
    monkeypatch.setattr(extractor.network, "forward", lambda segments: torch.zeros(len(segments), 2048))
    assert extractor(clips(1, 16, 112)).shape == (1, 2048)


def test_clip_is_transformers(tmp_path: Path) -> None:
    config = CLIPVisionConfig(hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=12,
                              image_size=224, patch_size=32, projection_dim=512)  # fmt: skip
    clip = randomised(CLIPVisionModelWithProjection(config))
    torch.save({**clip.state_dict(), "logit_scale": torch.tensor(1.0)}, tmp_path / "clip.bin")
    extractor = Clip(tmp_path / "clip.bin", SHA256)
    given = clips(1, 2, 60)
    pixels = (middle(given[0], 224, 224) - extractor.mean) / extractor.std
    with torch.no_grad():
        torch.testing.assert_close(extractor(given), clip(pixels).image_embeds, atol=1e-4, rtol=1e-4)


def test_dinos_transformer_is_transformers() -> None:
    config = ViTConfig(hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=6,
                       layer_norm_eps=1e-6)  # fmt: skip
    vit = randomised(ViTModel(config, add_pooling_layer=False))
    network = VisionTransformer(dino_tensors(vit.state_dict()), heads=6, epsilon=1e-6, quick=False)
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(network(pixels), vit(pixels).last_hidden_state[:, 0], atol=1e-4, rtol=1e-4)


def dino_tensors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """transformers' names as DINO's own file has them, query, key and value in one."""
    renamed = {}
    for name, value in tensors.items():
        for theirs, its in (
            ("embeddings.cls_token", "cls_token"), ("embeddings.position_embeddings", "pos_embed"),
            ("embeddings.patch_embeddings.projection", "patch_embed.proj"), ("layers.", "blocks."),
            ("attention.o_proj", "attn.proj"), ("layernorm_before", "norm1"), ("layernorm_after", "norm2"),
            ("layernorm", "norm"),
        ):  # fmt: skip
            name = name.replace(theirs, its)
        renamed[name] = value
    for number in range(2):
        for what in ("weight", "bias"):
            parts = [renamed.pop(f"blocks.{number}.attention.{part}_proj.{what}") for part in "qkv"]
            renamed[f"blocks.{number}.attn.qkv.{what}"] = torch.cat(parts)
    return renamed


def test_a_transformer_of_another_layout_is_refused(tmp_path: Path) -> None:
    save_file({"vision_model.encoder.layers.0.self_attn.q_proj.bias": torch.zeros(4)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"holds no patch_embed\.proj\.weight"):
        Clip(tmp_path / "other.safetensors", SHA256)(clips(1, 1))
    assert clip_tensors({"text_model.something": torch.zeros(1)}) == {}

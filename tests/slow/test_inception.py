"""FID and KID against torch-fidelity itself, on one random-weight file in its own format."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch_fidelity
from torch import Tensor, nn
from torch.utils.data import Dataset
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from humangen.metrics import registry
from humangen.metrics.features import to_bytes
from humangen.metrics.registry_files import INCEPTION
from humangen.types import InputError

pytestmark = pytest.mark.slow


class Frames(Dataset[Tensor]):
    def __init__(self, clips: Tensor) -> None:
        self.frames = to_bytes(clips.flatten(0, 1))

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Tensor:
        return self.frames[index]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a file of random weights under the published name."""
    folder = tmp_path_factory.mktemp("weights")
    path = folder / INCEPTION.file
    torch.save({}, path)
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, tensors: None)
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)  # so that the pictures still differ in the last layer
    torch.save(network.state_dict(), path)
    return folder


def clips(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(3, 4, 3, 6, 6, generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(coarse.flatten(0, 1), (48, 40), mode="bilinear").unflatten(0, (3, 4))


def test_fid_and_kid_are_torch_fidelitys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / INCEPTION.file
    assert registry.available(["fid"], folder)[1] == {"fid": f"unavailable (file {path.name}: wrong sha256)"}
    recorded = replace(INCEPTION, num_bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    recipes = {name: replace(registry.RECIPES[name], files=(recorded,)) for name in ("fid", "kid")}
    monkeypatch.setattr(registry, "RECIPES", recipes)
    metrics, lacking = registry.available(["fid", "kid"], folder)
    assert not lacking
    prediction, truth = clips(0), clips(1) * 0.7
    for name in metrics:
        metrics[name].update(prediction, truth, keys=["a", "b", "c"])
    expected = torch_fidelity.calculate_metrics(
        input1=Frames(prediction), input2=Frames(truth), fid=True, kid=True, kid_subset_size=12, kid_subsets=1,
        feature_extractor_weights_path=str(path), cuda=False, verbose=False, batch_size=12, cache=False,
    )  # fmt: skip
    fid, kid = metrics["fid"].compute(), metrics["kid"].compute()
    print(fid, kid, expected)
    assert fid["value"] > 0.1
    assert fid["value"] == pytest.approx(expected["frechet_inception_distance"], rel=1e-4)
    assert abs(kid["value"]) > 1e-6
    assert kid["value"] == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-4)
    assert fid["sha256"] == recorded.sha256
    assert fid["note"].startswith("covariance is singular: 12 samples, 2048 features")


def test_fid_pytorch_is_the_same_network_behind_another_resize(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch-fidelity's own way through the network, but for what pytorch-fid gives it: 2 x / 255 - 1."""
    path = folder / INCEPTION.file
    network = registry.RECIPES["fid_pytorch"].network(path, "0" * 64)
    assert network.name != registry.RECIPES["fid"].network(path, "0" * 64).name
    before = network.network(to_bytes(clips(0)[0]))[0]

    def resized(pixels: Tensor, **_: object) -> Tensor:
        made = nn.functional.interpolate(pixels, (299, 299), mode="bilinear", align_corners=False)
        return made * 256 / 255  # which (x - 128) / 128 follows

    name = "interpolate_bilinear_2d_like_tensorflow1x"
    monkeypatch.setattr(f"torch_fidelity.feature_extractor_inceptionv3.{name}", resized)
    expected = network.network(to_bytes(clips(0)[0]))[0]
    found = network(clips(0)[:1])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found, before, rtol=1e-3, atol=1e-3)


def test_a_file_that_holds_more_than_tensors_is_not_unpickled(tmp_path: Path) -> None:
    torch.save({"code": Frames}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="holds other things"):
        registry.RECIPES["fid"].network(tmp_path / "other.pth", "0" * 64)

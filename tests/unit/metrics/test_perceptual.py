"""LPIPS with a backbone from a file, against the package's own call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lpips
import pytest
import torch
from torch import Tensor
from torchvision.models import alexnet, vgg16

from humangen.metrics import registry_files as files
from humangen.metrics.perceptual import PerceptualDistance, PerceptualNetwork
from humangen.types import InputError


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """AlexNet's convolutions of random weights, in torchvision's form; its classifier is not looked at."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("alexnet") / files.ALEXNET.file
    network = alexnet(weights=None)
    torch.save({name: value for name, value in network.state_dict().items() if name.startswith("features.")}, path)
    yield path
    path.unlink()


def clips(seed: int) -> Tensor:
    levels = torch.randint(256, (2, 3, 3, 64, 64), generator=torch.Generator().manual_seed(seed))
    return levels / 127.5 - 1


def by_package(backbone: Path, prediction: Tensor, truth: Tensor, net: str = "alex") -> Tensor:
    network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    features = {"alex": alexnet, "vgg": vgg16}[net](weights=None).features
    features.load_state_dict({name.removeprefix("features."): value for name, value in torch.load(backbone).items()})
    for name, slices in network.net.named_children():
        for number, layer in slices.named_children():
            getattr(network.net, name)._modules[number] = features[int(number)]
            assert type(layer) is type(features[int(number)])
    with torch.no_grad():
        return network(prediction.flatten(0, 1), truth.flatten(0, 1)).flatten()


def test_it_is_the_packages(backbone: Path) -> None:
    prediction, truth = clips(0), clips(1)
    metric = PerceptualDistance(PerceptualNetwork("alex", backbone, "0" * 64))
    for one in (0, 1):
        metric.update(prediction[[one]], truth[[one]], keys=[f"{one}"])
    expected = by_package(backbone, prediction, truth)
    score = metric.compute()
    assert score["value"] == pytest.approx(float(expected.mean()), rel=1e-5)
    assert score["samples"] == 6
    assert metric.clone().network is metric.network


@pytest.mark.slow
def test_vggs_is_the_packages_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    backbone = tmp_path / files.VGG16.file
    features = vgg16(weights=None).features
    torch.save({f"features.{name}": value for name, value in features.state_dict().items()}, backbone)
    prediction, truth = clips(0)[:1], clips(1)[:1]
    metric = PerceptualDistance(PerceptualNetwork("vgg", backbone, "0" * 64))
    metric.update(prediction, truth)
    expected = by_package(backbone, prediction, truth, "vgg").mean()
    assert metric.compute()["value"] == pytest.approx(float(expected), rel=1e-5)


def test_pixels_are_rounded_as_a_file_does(backbone: Path) -> None:
    prediction, truth = clips(0), clips(1)
    network = PerceptualNetwork("alex", backbone, "0" * 64)
    nudged = (prediction + 0.9 / 255).clamp(-1, 1)  # less than half a level
    expected = network(prediction.flatten(0, 1), truth.flatten(0, 1))
    torch.testing.assert_close(network(nudged.flatten(0, 1), truth.flatten(0, 1)), expected, rtol=0, atol=0)


def test_disco_gives_the_network_half_the_contrast(backbone: Path) -> None:
    prediction, truth = clips(0), clips(1)
    metric = PerceptualDistance(PerceptualNetwork("alex", backbone, "0" * 64, as_disco=True))
    metric.update(prediction, truth)
    expected = by_package(backbone, (prediction + 1) / 2, (truth + 1) / 2).mean()
    assert metric.compute()["value"] == pytest.approx(float(expected), rel=1e-5)


def test_a_backbone_of_another_network_is_refused(backbone: Path) -> None:
    with pytest.raises(InputError, match=r"features\.\d+\.weight is not in it"):
        PerceptualNetwork("vgg", backbone, "0" * 64)

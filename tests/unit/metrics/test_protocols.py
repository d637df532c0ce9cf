"""Protocols: what is a floor, what needs the truth, and which metric sees what."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torchmetrics import Metric

from humangen.metrics.features import Extractor
from humangen.metrics.measure import Measure
from humangen.metrics.perceptual import PerceptualDistance
from humangen.metrics.protocols import AnimationProtocol, TryOnProtocol
from humangen.metrics.region import RegionScores
from humangen.metrics.registry import RECIPES
from humangen.metrics.video import drift_columns
from humangen.types import InputError
from tests.unit.tiny import tiny_batch, tiny_pair_batch


class Seen(Metric):
    """Notes what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[Tensor, Tensor, list[str]]] = []

    def update(self, prediction: Tensor, truth: Tensor, *, keys: list[str]) -> None:
        self.shown.append((prediction, truth, keys))

    def compute(self) -> dict[str, float]:
        return {"value": float(len(self.shown)), "samples": len(self.shown)}


class Differences(torch.nn.Module):
    name, sha256 = "differences", "0" * 64

    def forward(self, prediction: Tensor, truth: Tensor) -> Tensor:
        return (prediction - truth).abs().mean((1, 2, 3))


def test_the_truth_scores_best_and_the_floors_below() -> None:
    protocol, batch = AnimationProtocol("x", 1, ["psnr", "l1"]), tiny_batch(["a", "b"], frames=2)
    measures = protocol.measures(["truth", *protocol.floors])
    paintings = {"truth": protocol.truth(batch), **protocol.bounds(batch)}
    for name, painted in paintings.items():
        protocol.compare(measures[name], painted, batch)
    assert measures["truth"].compute() == pytest.approx({"psnr": 100.0, "l1": 0.0})
    assert all(measures[name].compute()["psnr"] < 20 for name in protocol.bounds(batch))


def test_hard_is_the_painting_inside_and_the_person_outside() -> None:
    protocol, batch = TryOnProtocol("x", 1, ["psnr_region", "max_outside"]), tiny_pair_batch(["a", "b"])
    batch = replace(batch, truth=batch.person)
    painted = torch.zeros_like(batch.person)[:, None]
    hard = protocol.variants(painted, batch)["hard"][:, 0]
    assert torch.equal(torch.where(batch.region, hard, 0.0), torch.zeros_like(hard))
    outside = ~batch.region.expand_as(hard)
    assert torch.equal(hard[outside], batch.person[outside])
    measures = protocol.measures(["hard"])
    protocol.compare(measures["hard"], hard[:, None], batch)
    assert measures["hard"].compute()["max_outside"] == 0


def test_without_a_truth_only_the_outside_is_compared() -> None:
    batch = tiny_pair_batch(["a"])
    painted = batch.person[:, None]
    blind = TryOnProtocol("x", 1, ["psnr_outside", "old_garment_distance"])
    measure = blind.measures(["painted"])["painted"]
    blind.compare(measure, painted, batch)
    assert measure.compute() == pytest.approx({"psnr_outside": 100.0, "old_garment_distance": 0.0})
    for name in ("psnr_box", "psnr", "ssim"):
        seeing = TryOnProtocol("x", 1, [name])
        with pytest.raises(InputError, match=rf"{name} need the truth.*protocol\.definition\.metrics"):
            seeing.compare(seeing.measures(["painted"])["painted"], painted, batch)


def test_fidelity_compares_the_painted_region_on_white_with_the_garment() -> None:
    batch = tiny_pair_batch(["a", "b"])
    fidelity, whole = Seen(), Seen()
    measure = Measure(RegionScores(["max_outside"]), {"garment_fidelity": fidelity, "dino": whole}, {})
    protocol = TryOnProtocol("x", 1, ["max_outside"])
    protocol.compare(measure, batch.person[:, None], batch)
    cut, flat, _ = fidelity.shown[0]
    assert torch.equal(flat[:, 0], batch.garment)
    assert (cut[:, 0][~batch.region.expand_as(batch.person)] == 1).all()
    assert torch.equal(whole.shown[0][0][:, 0], batch.person)


def test_inside_and_outside_are_seen_in_pictures_that_are_true_elsewhere() -> None:
    batch = tiny_pair_batch(["a", "b"])
    batch = replace(batch, truth=batch.person)
    region, outside, whole = Seen(), Seen(), Seen()
    networks = {"lpips_alex_region": region, "lpips_alex_outside": outside, "lpips_alex": whole}
    measure = Measure(RegionScores(["max_outside"]), networks, {})
    painted = -batch.person[:, None]
    TryOnProtocol("x", 1, ["max_outside"]).compare(measure, painted, batch)
    inside = batch.region[:, None].expand_as(painted)
    for seen, changed in ((region, inside), (outside, ~inside), (whole, torch.ones_like(inside))):
        shown, truth, _ = seen.shown[0]
        assert torch.equal(shown[changed], painted[changed])
        assert torch.equal(shown[~changed], truth[~changed])


def test_a_network_of_pairs_needs_the_truth_too() -> None:
    batch = tiny_pair_batch(["a"])
    protocol = TryOnProtocol("x", 1, ["max_outside"])
    for name, refused in (("lpips_alex_region", True), ("lpips_alex_outside", False), ("garment_fidelity", False)):
        measure = Measure(RegionScores(["max_outside"]), {name: PerceptualDistance(Differences())}, {})
        if refused:
            with pytest.raises(InputError, match="lpips_alex_region need the truth"):
                protocol.compare(measure, batch.person[:, None], batch)
        else:
            protocol.compare(measure, batch.person[:, None], batch)


def test_samples_have_the_scores_of_networks_too() -> None:
    batch = tiny_batch(["a", "b"], frames=2)
    protocol = AnimationProtocol("x", 1, ["l1"])
    measure = replace(
        protocol.measures(["painted"])["painted"],
        networks={"lpips": PerceptualDistance(Differences()), "fid": Seen()},
    )
    protocol.compare(measure, -batch.target, batch)
    samples = measure.samples()
    assert set(samples) == {"a", "b"}
    for scores in samples.values():
        assert scores["lpips"] == pytest.approx(2 * scores["l1"], abs=0.01)  # of pixels in [-1, 1]
        assert "fid" not in scores


def test_what_cannot_run_says_what_it_lacks_and_what_is_none_is_refused() -> None:
    protocol = AnimationProtocol("x", 1, ["psnr", "fid"])
    measure = protocol.measures(["painted"])["painted"]
    protocol.compare(measure, tiny_batch(["a"]).target, tiny_batch(["a"]))
    assert measure.compute()["fid"].startswith("unavailable (file weights-inception")
    with pytest.raises(InputError, match="disco256 alone"):
        AnimationProtocol("x", 1, ["psnr_wrapped"]).measures(["painted"])
    AnimationProtocol("disco256", 1, ["psnr_wrapped"]).measures(["painted"])
    for kind in (AnimationProtocol, TryOnProtocol):
        with pytest.raises(InputError, match="beauty"):
            kind("x", 1, ["beauty"]).measures(["painted"])


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metrics of networks without their files."""

    def ready(names: list[str], folder: object, windows: object) -> tuple[dict[str, Metric], dict[str, str]]:
        return {name: PerceptualDistance(Differences()) for name in names if name != "dino"}, {
            name: "unavailable (file d)" for name in names if name == "dino"
        }

    monkeypatch.setattr("humangen.metrics.protocols.available", ready)


@pytest.mark.usefixtures("networks")
def test_the_scores_of_networks_drift_too() -> None:
    listed = ["l1", "lpips_alex", *(f"temporal_drift_{name}" for name in ("l1", "lpips_alex", "clip_i", "dino"))]
    batch = tiny_batch(["a", "b"], frames=8)
    measure = AnimationProtocol("x", 1, listed).measures(["painted"])["painted"].to(torch.device("cpu"))
    errors = torch.tensor([1, 1, 2, 2, 4, 4, 8, 8])[None, :, None, None, None] / 100
    measure.see(torch.zeros_like(batch.target) + errors, torch.zeros_like(batch.target), batch.keys)
    scores = measure.compute()
    for name in ("lpips_alex", "clip_i"):
        found = [scores[f"temporal_drift_{name}_{quarter}"] for quarter in range(1, 5)]
        assert found == pytest.approx([0.01, 0.02, 0.04, 0.08])
    assert scores["lpips_alex"] == pytest.approx(0.0375)
    assert "clip_i" not in scores  # by quarters alone is what was asked for
    assert [scores[f"temporal_drift_dino_{quarter}"] for quarter in range(1, 5)] == ["unavailable (file d)"] * 4
    assert "dino" not in scores
    numbers = {name for name, value in scores.items() if not isinstance(value, str)}
    assert numbers == set(measure.intervals(seed=0)) == set(measure.samples()["a"]) - {"frames"}
    assert measure.samples()["b"]["temporal_drift_clip_i_3"] == pytest.approx(0.04)
    assert set(measure.details()) == {"lpips_alex", "clip_i"}


def test_every_metric_of_frames_has_a_drift() -> None:
    frames = ["lpips_alex", "lpips_vgg", "clip_i", "dino", "arcface", "arcface_detected", "pose_error", "pose_missing"]
    measures = AnimationProtocol("x", 1, [f"temporal_drift_{name}" for name in frames]).measures(["painted"])
    assert len(measures["painted"].unavailable) == 4 * len(frames)
    batch = tiny_batch(["a"], frames=4)
    for name in frames:
        kind = RECIPES[name].metric
        network = Differences() if kind is PerceptualDistance else Halves(dim=54 if "pose" in name else 9)
        metric = kind(network)
        metric.update(batch.target, batch.target, keys=["a"])
        assert metric.columns[-4:] == tuple(drift_columns(metric.columns[0]))


class Halves(Extractor):
    def __init__(self, dim: int) -> None:
        super().__init__("halves", "0" * 64)
        self.dim = dim

    def network_features(self, rows: Tensor) -> Tensor:
        return torch.full((len(rows), self.dim), 0.5)


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        (AnimationProtocol, "fid", "fid: a distance between sets has no value for a frame"),
        (AnimationProtocol, "fvd_dancers", "leave temporal_drift_fvd_dancers out of protocol"),
        (AnimationProtocol, "dtssd", "dtssd: a score of the steps between frames has no value for a frame"),
        (AnimationProtocol, "psnr_wrapped", "disco256 alone"),
        (AnimationProtocol, "beauty", "no metric is called beauty"),
        (TryOnProtocol, "lpips_alex", "no score is called temporal_drift_lpips_alex"),
    ],
)
def test_what_has_no_drift_is_refused(kind: type, name: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        kind("x", 1, [f"temporal_drift_{name}"]).measures(["painted"])

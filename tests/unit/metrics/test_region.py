"""Try-on scores by hand, on regions whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from humangen.metrics.image import eight_bit
from humangen.metrics.region import RegionScores, boxes, delta_e_map, largest_difference
from humangen.metrics.suite import FrameScores


@pytest.fixture
def people() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Painted and true pictures (3, 3, 24, 20), and an L-shaped region of each."""
    generator = torch.Generator().manual_seed(3)
    truth = torch.rand(3, 3, 24, 20, generator=generator) * 2 - 1
    painted = (truth + 0.2 * torch.randn(truth.shape, generator=generator)).clamp(-1, 1)
    region = torch.zeros(3, 1, 24, 20, dtype=torch.bool)
    region[:, :, 4:16, 3:6] = True
    region[:, :, 12:16, 3:15] = True
    return torch.where(region, painted, truth), truth, region


def scored(*pictures, **options) -> dict[str, float]:
    metric = RegionScores()
    metric.update(*pictures, **options)
    return metric.compute()


def test_psnr_of_box_and_region_by_their_formulas(people) -> None:
    painted, truth, region = people
    one, other = (eight_bit(each).numpy() for each in (painted, truth))
    squared, inside = ((one - other) ** 2).mean(1), region[:, 0].numpy()
    scores = scored(painted, truth, region)
    by_hand = np.mean([-10 * np.log10(error[mask].mean()) for error, mask in zip(squared, inside, strict=True)])
    assert scores["psnr_region"] == pytest.approx(by_hand, rel=1e-12)
    assert scores["psnr_box"] == pytest.approx(np.mean([-10 * np.log10(e[4:16, 3:15].mean()) for e in squared]))


def test_whole_pictures_score_as_frames_do(people) -> None:
    painted, truth, region = people
    frames = FrameScores(("psnr", "ssim", "l1"))
    frames.update(painted[:, None], truth[:, None], None)
    scores = scored(painted, truth, region)
    assert {name: scores[name] for name in ("psnr", "ssim", "l1")} == pytest.approx(frames.compute(), rel=1e-12)
    assert scores["psnr_region"] < scores["psnr_box"] < scores["psnr"] < scores["psnr_outside"]


def test_an_untouched_outside_is_perfect(people) -> None:
    painted, truth, region = people
    scores = scored(painted, truth, region)
    assert scores["max_outside"] == 0
    assert scores["psnr_outside"] == 100
    # windows reach over the border of the region
    assert 0.9 < scores["ssim_outside"] < 1
    assert scores["ssim_region"] < scores["ssim_outside"]


def test_one_touched_pixel_is_seen(people) -> None:
    painted, truth, region = people
    painted = painted.clone()
    painted[1, 2, 0, 0] = truth[1, 2, 0, 0] + (-8 if truth[1, 2, 0, 0] > 0 else 8) / 127.5
    assert scored(painted, truth, region)["max_outside"] == pytest.approx(8, abs=1e-9)
    assert largest_difference(painted, truth, torch.zeros(3, 24, 20, dtype=torch.bool)).isnan().all()


def test_colours_count_only_where_the_garment_is_worn(people) -> None:
    painted, truth, region = people
    worn = region & (torch.arange(24)[:, None] < 14)
    changed = torch.where(worn, painted, torch.rand(painted.shape) * 2 - 1)
    scores = scored(painted, truth, region, worn)
    assert scores["delta_e"] == scored(changed, truth, region, worn)["delta_e"] > 5
    assert scored(truth, truth, region, worn)["delta_e"] == 0


def test_the_old_garment_is_near_where_nothing_was_painted(people) -> None:
    painted, truth, region = people
    old = -truth
    assert scored(old, truth, region, None, old)["old_garment_distance"] == 0
    assert scored(truth, truth, region, None, old)["old_garment_distance"] > 20


def test_what_is_not_there_is_not_counted(people) -> None:
    painted, truth, region = people
    worn = region.clone()
    worn[1] = False
    two = scored(painted[[0, 2]], truth[[0, 2]], region[[0, 2]], worn[[0, 2]])
    assert scored(painted, truth, region, worn)["delta_e"] == pytest.approx(two["delta_e"], rel=1e-12)
    assert set(scored(painted, truth, region)) == set(two) - {"delta_e"}
    whole = scored(painted, truth, torch.ones_like(region))
    assert {"psnr_outside", "ssim_outside", "max_outside"}.isdisjoint(whole)
    nothing = scored(painted, truth, torch.zeros_like(region))
    assert {"psnr_box", "psnr_region", "ssim_region"}.isdisjoint(nothing)


def test_a_box_holds_its_region_and_no_more() -> None:
    region = torch.zeros(2, 6, 7, dtype=torch.bool)
    region[0, 1, 2] = region[0, 4, 5] = True
    expected = torch.zeros(6, 7, dtype=torch.bool)
    expected[1:5, 2:6] = True
    assert torch.equal(boxes(region)[0], expected)
    assert not boxes(region)[1].any()


def test_no_colour_difference_outside_the_region(people) -> None:
    painted, truth, region = people
    values = delta_e_map(eight_bit(painted), eight_bit(-truth), region[:, 0])
    assert (values[~region[:, 0]] == 0).all()
    assert (values[region[:, 0]] > 0).all()

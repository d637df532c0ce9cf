"""To the size of the model and back, and into the picture: nothing is squashed, nothing shows from under the region."""

from __future__ import annotations

import numpy as np
import pytest

from humangen.inference.composite import COMPOSITES, Fit, composite, outward_ramp

HEIGHT, WIDTH = 61, 47


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def blot(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A region with a hole and a spot beside it."""
    region = np.zeros((height, width), bool)
    region[height // 4 : height // 2, width // 4 : -width // 4] = True
    region[height // 3, width // 2] = False
    region[height - 3, 2] = True
    return region


def across(height: int, width: int) -> np.ndarray:
    """A picture whose red rises to the right and whose green rises downwards."""
    down, along = np.mgrid[:height, :width]
    return np.stack([20 + 200 * along / width, 20 + 200 * down / height, 0 * down], -1).round().astype(np.uint8)


@pytest.mark.parametrize("kind", COMPOSITES)
def test_inside_the_region_all_is_painted(kind: str) -> None:
    """Other pixels of the person there change nothing."""
    painted, person, region = random(HEIGHT, WIDTH, 3), random(HEIGHT, WIDTH, 3, seed=1), blot()
    other = np.where(region[..., None], random(HEIGHT, WIDTH, 3, seed=2), person)
    laid = composite(painted, person, region, kind)
    np.testing.assert_array_equal(laid[region], painted[region])
    np.testing.assert_array_equal(laid, composite(painted, other, region, kind))


def test_hard_leaves_every_other_pixel_as_it_was() -> None:
    painted, person, region = random(HEIGHT, WIDTH, 3), random(HEIGHT, WIDTH, 3, seed=1), blot()
    np.testing.assert_array_equal(composite(painted, person, region, "hard")[~region], person[~region])


def test_feathers_lie_outside_and_end() -> None:
    painted, person, region = random(1024, 768, 3), random(1024, 768, 3, seed=1), blot(1024, 768)
    laid = composite(painted, person, region, "feather_out")
    assert region[256, 300]
    assert not region[:256].any()
    for distance in range(1, 9):
        weight = 1 - distance / 9
        expected = np.rint(weight * painted[256 - distance, 300] + (1 - weight) * person[256 - distance, 300])
        assert np.abs(laid[256 - distance, 300] - expected).max() <= 1
    far = outward_ramp(region, 8) == 0
    assert far.mean() > 0.7
    assert far[256 - 9, 300]
    np.testing.assert_array_equal(laid[far], person[far])


def test_none_is_what_was_painted_and_no_region_is_nothing() -> None:
    painted, person = random(HEIGHT, WIDTH, 3), random(HEIGHT, WIDTH, 3, seed=1)
    assert composite(painted, person, blot(), "none") is painted
    for kind in ("hard", "feather_out"):
        np.testing.assert_array_equal(composite(painted, person, np.zeros((HEIGHT, WIDTH), bool), kind), person)
        np.testing.assert_array_equal(composite(painted, person, np.ones((HEIGHT, WIDTH), bool), kind), painted)


@pytest.mark.parametrize("model", [(16, 12), (12, 16), (16, 9), (9, 8), (10, 7)])
@pytest.mark.parametrize("source", [(9, 7), (7, 9), (9, 9), (1, 5)])
def test_padding_loses_no_pixel(source: tuple[int, int], model: tuple[int, int]) -> None:
    fit = Fit(source, *model)
    pixels = random(*source, 3)
    fitted = fit.picture(pixels)
    assert fitted.shape == (*model, 3)
    assert fit.back(fitted).shape == pixels.shape
    if fit.box[2:] == source:
        np.testing.assert_array_equal(fit.back(fitted), pixels)


def test_padding_of_odd_sizes_is_undone_to_the_pixel() -> None:
    for source, model in (((9, 7), (9, 12)), ((9, 7), (9, 8)), ((7, 9), (12, 9)), ((7, 9), (8, 9))):
        fit, pixels = Fit(source, *model), random(*source, 3)
        assert fit.box[2:] == source
        np.testing.assert_array_equal(fit.back(fit.picture(pixels)), pixels)


@pytest.mark.parametrize("source", [(901, 333), (333, 901), (201, 203), (513, 385), (97, 61), (45, 45)])
def test_there_and_back_nothing_moves(source: tuple[int, int]) -> None:
    """Neither by a pixel nor in its proportions, whether shrunk or enlarged."""
    fit, pixels = Fit(source, 128, 96), across(*source)
    back = fit.back(fit.picture(pixels)).astype(int)
    assert np.abs(back - pixels).max() <= 1 + 400 / min(fit.box[2:])  # at the border, by the last pixel's width
    middle = tuple(slice(side // 8, -side // 8) for side in source)
    assert np.abs((back - pixels)[middle]).mean() < 0.7
    scale = [box / side for box, side in zip(fit.box[2:], source, strict=True)]
    assert abs(scale[0] - scale[1]) * max(source) < 2
    assert fit.enlarges == (source in ((97, 61), (45, 45)))


@pytest.mark.parametrize("source", [(901, 333), (333, 901), (130, 95), (128, 96), (97, 61), (45, 45), (9, 7)])
def test_the_fitted_picture_shows_nothing_from_under_the_region(source: tuple[int, int]) -> None:
    """Also where the region ends at the border, which is repeated around the picture."""
    fit, region = Fit(source, 128, 96), blot(*source)
    region[-source[0] // 4 :, source[1] // 3 :] = True
    pixels = random(*source, 3)
    outside = ~fit.region(region)
    assert 0.2 < outside.mean() < 0.95
    for seed in (2, 3):
        other = np.where(region[..., None], random(*source, 3, seed=seed), pixels)
        np.testing.assert_array_equal(fit.picture(other)[outside], fit.picture(pixels)[outside])


def test_keypoints_go_where_the_picture_goes() -> None:
    keypoints = np.zeros((128, 3), np.float32)
    keypoints[0] = 30.5 / 61, 10.5 / 97, 1
    pixels = np.zeros((97, 61, 3), np.uint8)
    pixels[10, 30] = 255
    fit = Fit((97, 61), 128, 128)
    y, x = np.argwhere(fit.picture(pixels)[..., 0] > 100).mean(0)
    assert fit.keypoints(keypoints)[0, :2] * 128 == pytest.approx([x + 0.5, y + 0.5], abs=0.7)

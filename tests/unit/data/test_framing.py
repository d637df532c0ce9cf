"""One view for pixels, keypoints and masks: what belongs together stays together."""

from __future__ import annotations

import numpy as np
import pytest

from humangen.data.framing import Framing, View
from humangen.pose.keypoints import MIRROR

HEIGHT, WIDTH = 90, 120
MARKER = (70.0, 40.0)  # x, y in pixels


def marked() -> tuple[np.ndarray, np.ndarray]:
    """A picture with a bright 7x7 square, and keypoints that are all in its middle."""
    picture = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    x, y = map(int, MARKER)
    picture[0, y - 3 : y + 4, x - 3 : x + 4] = 255
    keypoints = np.ones((1, 128, 3), np.float32)
    keypoints[..., 0], keypoints[..., 1] = (x + 0.5) / WIDTH, (y + 0.5) / HEIGHT
    return picture, keypoints


def centre(picture: np.ndarray) -> np.ndarray:
    """The weighted middle (x, y) of what is bright, in [0, 1]."""
    weights = picture.astype(float) if picture.ndim == 2 else picture.astype(float).sum(-1)
    rows, columns = np.indices(weights.shape) + 0.5
    found = np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()
    return found / (weights.shape[1], weights.shape[0])


@pytest.mark.parametrize("view", [
    View(0, 0, HEIGHT, WIDTH, HEIGHT, WIDTH, mirrored=False),
    View(0, 0, HEIGHT, WIDTH, HEIGHT, WIDTH, mirrored=True),
    View(40, 20, 45, 60, 45, 60, mirrored=False),
    View(40, 20, 45, 60, 90, 120, mirrored=True),
    View(30, 0, 90, 90, 64, 64, mirrored=True),
    View(30, 0, 90, 60, 60, 40, mirrored=False),
])  # fmt: skip
def test_pixels_masks_and_keypoints_move_together(view: View) -> None:
    picture, keypoints = marked()
    pixels = view.picture(picture[0])
    moved = view.keypoints(keypoints, HEIGHT, WIDTH)
    assert pixels.shape == (view.height, view.width, 3)
    pixel = 1 / np.array([view.width, view.height])
    assert (np.abs(centre(pixels) - moved[0, 0, :2]) < 0.6 * pixel).all()
    mask = view.mask(picture[0, ..., 0] > 128)
    assert mask.dtype == bool
    assert (np.abs(centre(mask) - moved[0, 0, :2]) < 1.1 * pixel).all()
    assert (moved[..., 2] == 1).all()


def test_mirroring_twice_is_the_identity() -> None:
    view = View(0, 0, HEIGHT, WIDTH, HEIGHT, WIDTH, mirrored=True)
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    keypoints = generator.random((1, 128, 3), np.float32)
    np.testing.assert_array_equal(view.picture(view.picture(picture)), picture)
    np.testing.assert_array_equal(view.mask(view.mask(picture[..., 0] > 9)), picture[..., 0] > 9)
    twice = view.keypoints(view.keypoints(keypoints, HEIGHT, WIDTH), HEIGHT, WIDTH)
    np.testing.assert_allclose(twice, keypoints, atol=1e-6)


def test_mirroring_swaps_left_and_right_joints() -> None:
    view = View(0, 0, HEIGHT, WIDTH, HEIGHT, WIDTH, mirrored=True)
    keypoints = np.random.default_rng(0).random((1, 128, 3), np.float32)
    moved = view.keypoints(keypoints, HEIGHT, WIDTH)
    np.testing.assert_allclose(moved[:, 2, 0], 1 - keypoints[:, 5, 0])  # the shoulders
    np.testing.assert_array_equal(moved[..., 1:], keypoints[:, MIRROR, 1:])


def test_keypoints_outside_the_view_are_not_visible() -> None:
    _, keypoints = marked()
    moved = View(0, 0, 45, 60, 45, 60, mirrored=False).keypoints(keypoints, HEIGHT, WIDTH)
    assert (moved[..., 2] == 0).all()


def test_the_default_is_the_middle_unchanged() -> None:
    view = Framing(height=60, width=60)(HEIGHT, WIDTH, np.random.default_rng(0))
    assert view == View(15, 0, 90, 90, 60, 60, mirrored=False)


@pytest.mark.parametrize(("height", "width"), [(90, 120), (200, 64), (33, 77), (64, 48)])
def test_views_lie_in_the_picture_and_keep_the_aspect(height: int, width: int) -> None:
    framing = Framing(height=64, width=48, scale=(0.5, 1.0), flip=0.5)
    views = [framing(height, width, np.random.default_rng(seed)) for seed in range(50)]
    for view in views:
        assert view.left >= 0 <= view.top
        assert view.left + view.box_width <= width
        assert view.top + view.box_height <= height
        assert view.box_width / view.box_height == pytest.approx(48 / 64, abs=1.5 / view.box_height)
    assert {view.mirrored for view in views} == {True, False}
    assert len({(view.left, view.top, view.box_height) for view in views}) > 20


@pytest.mark.parametrize(("box", "left"), [
    ((0.5, 0.1, 0.7, 0.9), 27),  # the middle of the person, 72 pixels, in the middle of 90
    ((0.0, 0.0, 0.1, 1.0), 0),  # as far as the picture goes
    ((0.9, 0.3, 1.0, 0.5), 30),
    ((0.0, 0.2, 1.0, 0.4), 15),  # wider than the view
    ((0.45, 0.0, 0.55, 1.0), 15),
])  # fmt: skip
def test_the_person_is_in_the_middle_as_far_as_the_picture_goes(box: tuple, left: int) -> None:
    view = Framing(height=60, width=60)(HEIGHT, WIDTH, np.random.default_rng(0), box)
    assert view == View(left, 0, 90, 90, 60, 60, mirrored=False)


@pytest.mark.parametrize(("height", "width"), [(64, 48), (40, 80)])
@pytest.mark.parametrize("scale", [(1.0, 1.0), (0.4, 0.9)])
@pytest.mark.parametrize("seed", range(40))
def test_a_person_that_fits_is_never_cut(height: int, width: int, scale: tuple[float, float], seed: int) -> None:
    random = np.random.default_rng(seed)
    (left, right), (top, bottom) = np.sort(random.random((2, 2)))
    view = Framing(height=height, width=width, scale=scale)(HEIGHT, WIDTH, random, (left, top, right, bottom))
    for first, last, begin, length, size in (
        (left * WIDTH, right * WIDTH, view.left, view.box_width, WIDTH),
        (top * HEIGHT, bottom * HEIGHT, view.top, view.box_height, HEIGHT),
    ):
        assert 0 <= begin <= size - length
        if last - first <= length:
            assert begin - 0.5 <= first
            assert last <= begin + length + 0.5
        else:  # nothing but the person
            assert first - 0.5 <= begin
            assert begin + length <= last + 0.5


@pytest.mark.parametrize("scale", [(1.0, 1.0), (0.5, 0.8)])
def test_without_a_person_the_whole_picture_is_meant(scale: tuple[float, float]) -> None:
    framing = Framing(height=64, width=48, scale=scale, flip=0.5)
    for seed in range(30):
        random, again, places = (np.random.default_rng(seed) for _ in range(3))
        view = framing(HEIGHT, WIDTH, random)
        assert view == framing(HEIGHT, WIDTH, again, (0.0, 0.0, 1.0, 1.0))
        places.uniform()
        down, along = places.random(2) if scale != (1.0, 1.0) else (0.5, 0.5)
        assert (view.top, view.left) == (
            round((HEIGHT - view.box_height) * down),
            round((WIDTH - view.box_width) * along),
        )


def test_a_shrunk_view_goes_everywhere_that_holds_the_person() -> None:
    framing = Framing(height=60, width=60, scale=(0.5, 0.5))
    views = [framing(HEIGHT, WIDTH, np.random.default_rng(seed), (0.5, 0.3, 0.6, 0.6)) for seed in range(200)]
    assert {view.left for view in views} == set(range(27, 61))
    assert {view.top for view in views} == set(range(9, 28))

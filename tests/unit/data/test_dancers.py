"""The drawn dancers: exact, repeatable, whole in the frame and consistent with their part maps."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from humangen.data.dancers import Dance, Dancer, Drawing, Part, draw, draw_flat_garment, draw_region, render_clip
from humangen.data.dancers.skeleton import Pose

SEEDS = range(50)


@pytest.fixture(scope="module")
def drawings() -> list[Drawing]:
    """Fifty people in fifty dances at different moments."""
    return [draw(Dancer.from_seed(seed), Dance.from_seed(seed), 0.31 * seed, 128, 128) for seed in SEEDS]


def standing(dancer: Dancer, size: int = 128) -> Drawing:
    """The dancer facing the camera with hanging arms."""
    still = Dance(name="still", keys=(Pose(),), tempo=1.0, amplitude=1.0, phase=0.0, bounce=0.0)
    return draw(dancer, still, 0.0, size, size)


def test_same_seeds_give_the_same_bytes_and_others_differ() -> None:
    first, second = (render_clip(3, 5, 3, 8.0, 96, 96) for _ in range(2))
    for name in ("frames", "keypoints", "parts"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()
    assert not np.array_equal(first.frames, render_clip(4, 5, 3, 8.0, 96, 96).frames)
    assert not np.array_equal(first.frames, render_clip(3, 6, 3, 8.0, 96, 96).frames)
    assert not np.array_equal(first.frames[0], first.frames[2])


@pytest.mark.parametrize(("height", "width"), [(128, 128), (256, 192), (512, 384), (100, 61), (96, 160)])
def test_clip_has_the_asked_size(height: int, width: int) -> None:
    clip = render_clip(1, 2, 2, 8.0, height, width)
    assert clip.frames.shape == (2, height, width, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.keypoints.shape == (2, 128, 3)
    assert clip.keypoints.dtype == np.float32
    assert clip.parts.shape == (2, height, width)
    assert draw_flat_garment(Dancer.from_seed(1), height, width).shape == (height, width, 3)


def test_other_sizes_show_the_same_scene() -> None:
    dancer, dance = Dancer.from_seed(8), Dance.from_seed(9)
    small, large = draw(dancer, dance, 0.4, 128, 128), draw(dancer, dance, 0.4, 512, 512)
    np.testing.assert_allclose(small.keypoints[:, :2], large.keypoints[:, :2], atol=1e-5)
    shrunk = large.picture.reshape(128, 4, 128, 4, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - small.picture).mean() < 3


def test_visible_body_joints_lie_on_the_figure(drawings: list[Drawing]) -> None:
    for drawing in drawings:
        places, visible = drawing.keypoints[:, :2], drawing.keypoints[:, 2] > 0
        assert places.min() >= 0
        assert places.max() < 1
        columns, rows = np.floor(places[:18][visible[:18]] * 128).astype(int).T
        assert (drawing.parts[rows, columns] != Part.BACKGROUND).all()


def test_visible_hands_lie_on_their_own_hand(drawings: list[Drawing]) -> None:
    for drawing in drawings:
        for hand, part in ((slice(18, 39), Part.LEFT_HAND), (slice(39, 60), Part.RIGHT_HAND)):
            points = drawing.keypoints[hand]
            if points[0, 2]:
                rows, columns = np.nonzero(drawing.parts == part)
                assert abs(columns.mean() / 128 - points[:, 0].mean()) < 0.03
                assert abs(rows.mean() / 128 - points[:, 1].mean()) < 0.03


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 72), (96, 48)])
def test_whole_figure_is_inside_the_frame(height: int, width: int) -> None:
    for seed in SEEDS:
        parts = render_clip(seed, 7 * seed + 1, 4, 1.7, height, width).parts
        border = np.concatenate([parts[:, 0], parts[:, -1], parts[:, :, 0], parts[:, :, -1]], axis=1)
        assert not border.any()


def test_figure_fills_most_of_the_height() -> None:
    for seed in SEEDS:
        rows = np.nonzero(standing(Dancer.from_seed(seed)).parts.any(axis=1))[0]
        assert 0.74 < (rows[-1] - rows[0] + 1) / 128 < 0.9


def test_region_covers_the_top_but_neither_face_nor_hair_and_hands_only_where_a_wider_top_would() -> None:
    hands, covered = 0, 0
    for seed in SEEDS:
        at = Dance.from_seed(seed), 0.31 * seed, 128, 128
        drawing, region = draw(Dancer.from_seed(seed), *at), draw_region(Dancer.from_seed(seed), *at)
        assert region.dtype == bool
        assert 0.05 < region.mean() < 0.25
        assert region[drawing.parts == Part.TOP].all()
        for part in (Part.FACE, Part.HAIR):
            inner = cv2.erode((drawing.parts == part).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            assert not region[inner].any()  # unlike the rim, where the top shines through
        hand = np.isin(drawing.parts, (Part.LEFT_HAND, Part.RIGHT_HAND))
        inner = cv2.erode(hand.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        hands, covered = hands + inner.sum(), covered + region[inner].sum()
    assert covered < 0.02 * hands


@pytest.mark.parametrize("dress", [False, True])
def test_another_top_of_the_kind_changes_nothing_outside_the_region_which_tells_nothing_of_it(dress: bool) -> None:
    dancers = [dancer for dancer in map(Dancer.from_seed, range(40)) if dancer.top.is_dress == dress]
    for seed, (person, donor) in enumerate(zip(dancers, dancers[1:], strict=False)):
        at = Dance.from_seed(seed), 0.6, 128, 128
        other = replace(person, top=donor.top)
        region = draw_region(person, *at)
        np.testing.assert_array_equal(region, draw_region(other, *at))
        before, after = draw(person, *at).picture, draw(other, *at).picture
        assert (before != after)[region].any()
        np.testing.assert_array_equal(before[~region], after[~region])


def test_left_and_right_are_the_persons_own() -> None:
    drawing = standing(Dancer.from_seed(2))
    x = drawing.keypoints[:, 0]
    for right, left in ((2, 5), (4, 7), (8, 11), (10, 13), (14, 15), (16, 17), (39, 18), (60, 76), (96, 105)):
        assert x[right] < x[left]
    columns = np.arange(128)
    for right_part, left_part in ((Part.RIGHT_SHOE, Part.LEFT_SHOE), (Part.RIGHT_HAND, Part.LEFT_HAND)):
        right_x, left_x = (
            np.average(columns, weights=(drawing.parts == p).sum(axis=0)) for p in (right_part, left_part)
        )
        assert right_x < left_x


def test_far_side_of_a_turned_face_is_hidden() -> None:
    turned = Dance(name="turned", keys=(Pose(yaw=1.1),), tempo=1.0, amplitude=1.0, phase=0.0, bounce=0.0)
    visible = draw(Dancer.from_seed(2), turned, 0.0, 128, 128).keypoints[60:, 2]
    assert 20 < visible.sum() < 60
    assert visible[30] == 1
    assert visible[16] == 0


def test_flat_garment_is_on_white() -> None:
    for seed in range(8):
        picture = draw_flat_garment(Dancer.from_seed(seed), 128, 96)
        border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert (border == 255).all()
        assert 0.12 < (picture < 250).any(axis=2).mean() < 0.8


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="32 pixels"):
        draw(Dancer.from_seed(0), Dance.from_seed(0), 0.0, 16, 64)
    with pytest.raises(ValueError, match="negative"):
        Dancer.from_seed(-1)
    with pytest.raises(ValueError, match="at least one frame"):
        render_clip(0, 0, 0, 8.0, 64, 64)

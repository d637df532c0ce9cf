"""Keypoints as pictures: the right colours in the right places, and nothing of what is hidden."""

from __future__ import annotations

import numpy as np
import pytest

from humangen.pose.draw import COLOURS, LIMBS, PARTS, draw_pose, draw_poses
from humangen.pose.keypoints import FACE, LEFT_HAND, RIGHT_HAND, VISIBLE
from humangen.types import InputError
from tests.unit.tiny import tiny_keypoints

SIZE = 512


def pose(**points: tuple[float, float]) -> np.ndarray:
    """Keypoints of which only `k<number>` are visible."""
    keypoints = np.zeros((128, 3), np.float32)
    for name, place in points.items():
        keypoints[int(name[1:])] = (*place, 1)
    return keypoints


def colour_at(picture: np.ndarray, x: float, y: float) -> tuple[int, ...]:
    return tuple(picture[round(y * picture.shape[0]), round(x * picture.shape[1])].tolist())


def dimmed(colour: tuple[int, int, int]) -> tuple[int, ...]:
    """A limb's colour: 0.6 of its joint's."""
    return tuple(int(part * 0.6) for part in colour)


@pytest.mark.parametrize(("limb", "ends"), list(enumerate(LIMBS)))
def test_each_limb_lies_between_its_joints_in_its_colour(limb: int, ends: tuple[int, int]) -> None:
    start, end = (0.2, 0.3), (0.7, 0.6)
    picture = draw_pose(pose(**{f"k{ends[0]}": start, f"k{ends[1]}": end}), SIZE, SIZE)
    assert colour_at(picture, 0.45, 0.45) == dimmed(COLOURS[limb])
    assert colour_at(picture, *start) == COLOURS[ends[0]]
    assert colour_at(picture, *end) == COLOURS[ends[1]]
    rows, columns = np.nonzero(picture.any(-1))
    assert (columns.min() / SIZE, columns.max() / SIZE) == pytest.approx((0.2, 0.7), abs=0.012)
    assert (rows.min() / SIZE, rows.max() / SIZE) == pytest.approx((0.3, 0.6), abs=0.012)


def test_limbs_reach_every_body_point_once_from_the_neck() -> None:
    assert len(COLOURS) == 18
    assert sorted(end for _, end in LIMBS) == [0, *range(2, 18)]


def test_hidden_points_are_not_drawn() -> None:
    keypoints = tiny_keypoints()[0]
    keypoints[:, 2] = VISIBLE - 0.01
    assert not draw_pose(keypoints, 64, 64).any()
    one = pose(k1=(0.5, 0.5))
    alone = draw_pose(one, SIZE, SIZE)
    one[2] = (0.9, 0.9, 0.1)
    np.testing.assert_array_equal(draw_pose(one, SIZE, SIZE), alone)
    one[2, 2] = VISIBLE
    assert (draw_pose(one, SIZE, SIZE) != alone).any()


def test_hands_are_blue_dots_and_faces_white_ones() -> None:
    for part, colour in ((LEFT_HAND, (0, 0, 255)), (RIGHT_HAND, (0, 0, 255)), (FACE, (255, 255, 255))):
        keypoints = pose(**{f"k{part.start}": (0.25, 0.75)})
        picture = draw_pose(keypoints, SIZE, SIZE)
        assert colour_at(picture, 0.25, 0.75) == colour
        assert {tuple(pixel) for pixel in picture[picture.max(-1) > 250].tolist()} == {colour}


@pytest.mark.parametrize(("height", "width"), [(64, 64), (100, 37), (256, 512)])
def test_a_picture_has_the_asked_size_and_points_their_place(height: int, width: int) -> None:
    picture = draw_pose(pose(k1=(0.25, 0.5)), height, width)
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8
    rows, columns = np.nonzero(picture.any(-1))
    assert columns.mean() == pytest.approx(0.25 * width, abs=1)
    assert rows.mean() == pytest.approx(0.5 * height, abs=1)


def test_points_far_outside_do_no_harm() -> None:
    keypoints = tiny_keypoints()[0]
    keypoints[:, :2] = keypoints[:, :2] * 2000 - 1000
    assert draw_pose(keypoints, 64, 64).shape == (64, 64, 3)


def test_frames_are_drawn_one_by_one() -> None:
    keypoints = tiny_keypoints(frames=2)
    pictures = draw_poses(keypoints, 48, 64)
    assert pictures.shape == (2, 48, 64, 3)
    np.testing.assert_array_equal(pictures[1], draw_pose(keypoints[1], 48, 64))


@pytest.mark.parametrize("left_out", PARTS)
def test_a_part_left_out_is_as_if_it_were_hidden(left_out: str) -> None:
    keypoints = tiny_keypoints()[0]
    hidden = keypoints.copy()
    hidden[{"body": slice(0, 18), "hands": slice(18, 60), "face": FACE}[left_out], 2] = 0
    parts = [part for part in PARTS if part != left_out]
    np.testing.assert_array_equal(draw_pose(keypoints, 64, 48, parts), draw_pose(hidden, 64, 48))
    assert (draw_pose(hidden, 64, 48) != draw_pose(keypoints, 64, 48)).any()


def test_a_part_that_poses_do_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="no feet to draw; it has body, hands, face"):
        draw_pose(tiny_keypoints()[0], 64, 64, ["face", "feet"])

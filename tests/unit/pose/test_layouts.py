"""Layouts: every joint keeps its name, whatever the order and the format it comes in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from humangen.pose.keypoints import BODY, FACE, LEFT_HAND, RIGHT_HAND, mirror
from humangen.pose.layouts import from_coco17, from_mediapipe, from_openpose, from_pixels, from_wholebody133
from humangen.types import InputError

OURS = (
    "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle "
    "r_eye l_eye r_ear l_ear"
).split()
COCO = (
    "nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee "
    "l_ankle r_ankle"
).split()
BODY_25 = [*OURS[:8], "mid_hip", *OURS[8:], *(f"foot_{point}" for point in range(6))]
MEDIAPIPE = (
    "nose l_eye_inner l_eye l_eye_outer r_eye_inner r_eye r_eye_outer l_ear r_ear mouth_l mouth_r l_shoulder "
    "r_shoulder l_elbow r_elbow l_wrist r_wrist l_pinky r_pinky l_index r_index l_thumb r_thumb l_hip r_hip l_knee "
    "r_knee l_ankle r_ankle l_heel r_heel l_foot r_foot"
).split()


def points(count: int, *axes: int) -> np.ndarray:
    """Seen points (*axes, count, 3) anywhere in the picture, confidences from 0.5."""
    return np.random.default_rng(count).random((*axes, count, 3)) * [1, 1, 0.5] + [0, 0, 0.5]


@pytest.mark.parametrize(
    ("names", "convert"),
    [(COCO, from_coco17), (OURS, from_openpose), (BODY_25, from_openpose), (MEDIAPIPE, from_mediapipe)],
    ids=["coco17", "body18", "body25", "mediapipe"],
)
def test_joints_keep_their_names(names: list[str], convert: Callable[[np.ndarray], np.ndarray]) -> None:
    source = points(len(names))
    ours = convert(source)
    assert ours.dtype == np.float32
    assert ours.shape == (128, 3)
    assert not ours[18:].any()
    for place, name in enumerate(OURS):
        if name in names:
            np.testing.assert_allclose(ours[place], source[names.index(name)], rtol=1e-6, err_msg=name)


def test_the_neck_is_the_middle_of_the_shoulders_as_sure_as_the_less_sure() -> None:
    source = points(17)
    left, right = source[5], source[6]
    left[2], right[2] = 0.9, 0.4
    np.testing.assert_allclose(from_coco17(source)[1], [*(left + right)[:2] / 2, 0.4], rtol=1e-6)
    right[2] = 0
    assert not from_coco17(source)[[1, 2]].any()


def test_wholebody_has_feet_then_face_then_hands() -> None:
    source = points(133, 2, 5)
    ours = from_wholebody133(source)
    assert ours.shape == (2, 5, 128, 3)
    np.testing.assert_array_equal(ours[..., BODY, :], from_coco17(source[..., :17, :])[..., BODY, :])
    np.testing.assert_allclose(ours[..., FACE, :], source[..., 23:91, :], rtol=1e-6)
    np.testing.assert_allclose(ours[..., LEFT_HAND, :], source[..., 91:112, :], rtol=1e-6)
    np.testing.assert_allclose(ours[..., RIGHT_HAND, :], source[..., 112:, :], rtol=1e-6)
    assert from_wholebody133(np.zeros((0, 133, 3))).shape == (0, 128, 3)


def test_openpose_parts_come_to_their_places_and_pupils_go() -> None:
    body, left, right, face = points(18), points(21), points(21) / 2, points(70)
    ours = from_openpose(body, left, right, face)
    np.testing.assert_allclose(ours, np.concatenate([body, left, right, face[:68]]), rtol=1e-6)
    alone = from_openpose(None, right_hand=right)
    assert np.flatnonzero(alone[:, 2]).tolist() == [*range(39, 60)]
    assert not from_openpose(None).any()


def test_a_mirrored_person_is_the_same_in_every_layout() -> None:
    """Swapping left and right in the source is mirroring ours: no side is confused with the other."""
    for names, convert in ((COCO, from_coco17), (BODY_25, from_openpose), (MEDIAPIPE, from_mediapipe)):
        source = points(len(names))
        others = [name.replace("r_", "L_").replace("l_", "r_").replace("L_", "l_") for name in names]
        swapped = source[[names.index(name) if name in names else place for place, name in enumerate(others)]]
        swapped[:, 0] = 1 - swapped[:, 0]
        np.testing.assert_allclose(convert(swapped)[BODY], mirror(convert(source))[BODY], atol=1e-6)


def test_pixels_become_parts_of_the_picture() -> None:
    pixels = np.array([[320, 120, 0.5], [0, 0, 0.9], [-1, -1, 0.9], [0, 48, 0.9], [-1, 48, 0.9]])
    units = from_pixels(pixels, 240, 640)
    np.testing.assert_allclose(units[0], [0.5, 0.5, 0.5])
    assert units[:, 2].tolist() == [0.5, 0, 0, 0.9, 0.9]
    np.testing.assert_allclose(from_pixels(pixels[:1, :2], 240, 640), [[0.5, 0.5, 1]])


def test_what_is_not_seen_or_outside_is_zero_and_confidence_ends_at_one() -> None:
    source = np.full((17, 3), 0.5)
    source[0, 2], source[1, 2], source[2, 2] = 0, -1, 1.2
    source[3, 0], source[4, 1] = 1.01, -0.01
    source[[5, 6], :2] = [0, 0], [1, 1]
    ours = from_coco17(source)
    for name in ("nose", "l_eye", "l_ear", "r_ear"):
        assert not ours[OURS.index(name)].any(), name
    assert ours[OURS.index("r_eye")].tolist() == [0.5, 0.5, 1]
    assert ours[OURS.index("l_shoulder")].tolist() == [0, 0, 0.5]
    assert ours[OURS.index("r_shoulder")].tolist() == [1, 1, 0.5]


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("column", [0, 2])
def test_numbers_must_be_finite(value: float, column: int) -> None:
    source = points(133)
    source[100, column] = value
    with pytest.raises(InputError, match="not finite"):
        from_wholebody133(source)

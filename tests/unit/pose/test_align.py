"""A driver's motion on a reference's proportions: exact on flat figures, near the truth on drawn dancers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from humangen.data.dancers import Dance, Dancer, draw, face, skeleton
from humangen.pose.align import ANKLES, HIPS, NECK, TREE, align
from humangen.pose.draw import LIMBS
from humangen.pose.keypoints import BODY, FACE, LEFT_HAND, MIRROR, NUM_KEYPOINTS, RIGHT_HAND, VISIBLE
from humangen.types import InputError

SQUARE = {"driver_aspect": 1.0, "reference_aspect": 1.0}
LENGTHS = ("UPPER_ARM", "FOREARM", "HAND", "THIGH", "SHIN", "SPINE", "NECK_TO_HEAD", "HEAD_HALF_HEIGHT")
ARMS = {"right": [3, 4], "left": [6, 7]}


def flat_figure(build: int, dance: int, frames: int = 12) -> np.ndarray:
    """Keypoints (F, 128, 3) of a figure in the plane: lengths from one seed, the same on both sides, each keypoint
    turned about the one that carries it by angles from another seed; hands and face turn as wholes."""
    shape, motion = np.random.default_rng(build), np.random.default_rng(dance)
    ways = shape.normal(size=(NUM_KEYPOINTS, 2)) * 0.02
    ways[BODY] *= 0.09 / np.linalg.norm(ways[BODY], axis=1, keepdims=True) * shape.uniform(0.6, 1.6, (18, 1))
    ways = (ways + ways[MIRROR] * [-1, 1]) / 2 + [0, 0.03]
    angles = motion.uniform(-1.2, 1.2, (frames, NUM_KEYPOINTS))
    angles[:, [14, 15, 16, 17]] = angles[:, :1]
    for part, first in ((LEFT_HAND, 18), (RIGHT_HAND, 39), (FACE, 0)):
        angles[:, part] = angles[:, [first]]
    keypoints = np.ones((frames, NUM_KEYPOINTS, 3), np.float32)
    keypoints[:, NECK, :2] = [0.5, 0.4] + 0.1 * motion.normal(size=(frames, 2))
    for joint, carrier in TREE.items():
        cosine, sine = np.cos(angles[:, joint]), np.sin(angles[:, joint])
        turned = np.stack(
            [cosine * ways[joint, 0] - sine * ways[joint, 1], sine * ways[joint, 0] + cosine * ways[joint, 1]]
        )
        keypoints[:, joint, :2] = keypoints[:, carrier, :2] + turned.T
    return keypoints


def limbs(keypoints: np.ndarray) -> np.ndarray:
    return keypoints[..., LIMBS[:, 1], :2] - keypoints[..., LIMBS[:, 0], :2]


def lengths(keypoints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(limbs(keypoints), axis=-1)


@pytest.fixture
def dancer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., np.ndarray]:
    """Keypoints of a dancer of other proportions than the drawn ones have: (person, dance, size, factor a length)."""
    drawn = {name: getattr(skeleton, name) for name in LENGTHS}

    def keypoints(person: int, dance: int, size: float, frames: int = 16, **factors: float) -> np.ndarray:
        for name, length in drawn.items():
            monkeypatch.setattr(skeleton, name, length * factors.get(name, 1.0))
        monkeypatch.setattr(face, "HEAD_HALF_HEIGHT", skeleton.HEAD_HALF_HEIGHT)
        who = Dancer.from_seed(person)
        who = dataclasses.replace(who, build=dataclasses.replace(who.build, height=size))
        return np.stack([draw(who, Dance.from_seed(dance), frame / 8, 48, 48).keypoints for frame in range(frames)])

    return keypoints


def error(keypoints: np.ndarray, truth: np.ndarray, *, carried: bool) -> float:
    """The mean distance of the body's points, in picture heights; `carried`: with the necks on each other."""
    both = (keypoints[..., 2] >= VISIBLE) & (truth[..., 2] >= VISIBLE)
    apart = (keypoints - truth)[..., :2]
    if carried:
        apart = apart - apart[:, [NECK]]
    return float(np.linalg.norm(apart, axis=-1)[:, BODY][both[:, BODY]].mean())


def test_limbs_get_the_references_lengths_and_keep_their_angles() -> None:
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    aligned = align(driver, reference, **SQUARE)
    assert aligned.dtype == np.float32
    np.testing.assert_allclose(lengths(aligned)[:, :13], np.broadcast_to(lengths(reference)[:13], (12, 13)), atol=1e-5)
    before, after = limbs(driver), limbs(aligned)
    np.testing.assert_allclose(before[..., 0] * after[..., 1], before[..., 1] * after[..., 0], atol=1e-6)
    assert ((before * after).sum(-1) > 0).all()
    np.testing.assert_array_equal(aligned[..., 2], driver[..., 2])


@pytest.mark.parametrize("part", [LEFT_HAND, RIGHT_HAND, FACE])
def test_hands_and_faces_keep_their_shape_in_one_size(part: slice) -> None:
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    aligned = align(driver, reference, **SQUARE)

    def inner(keypoints: np.ndarray) -> np.ndarray:
        return keypoints[..., part, :2] - keypoints[..., part, :2].mean(-2, keepdims=True)

    factor = (inner(aligned) * inner(driver)).sum() / (inner(driver) ** 2).sum()
    np.testing.assert_allclose(inner(aligned), factor * inner(driver), atol=1e-6)
    assert factor > 0


def test_a_driver_of_the_references_proportions_and_place_stays(dancer: Callable[..., np.ndarray]) -> None:
    for driver in (dancer(3, 5, 0.7), flat_figure(1, 2)):
        np.testing.assert_allclose(align(driver, driver[0], **SQUARE), driver, atol=1e-5)


def test_the_drivers_size_place_and_picture_do_not_matter(dancer: Callable[..., np.ndarray]) -> None:
    driver, (reference,) = dancer(3, 5, 0.7), dancer(4, 9, 0.8, frames=1)
    aligned = align(driver, reference, **SQUARE)
    seen = driver[..., 2:] >= VISIBLE
    moved = driver * [0.4, 0.4, 1] + [0.1, 0.5, 0]
    np.testing.assert_allclose(
        np.where(seen, align(moved, reference, **SQUARE), 0), np.where(seen, aligned, 0), atol=1e-5
    )
    wide = align(driver * [0.5, 1, 1], reference, driver_aspect=2.0, reference_aspect=1.0)
    np.testing.assert_allclose(np.where(seen, wide, 0), np.where(seen, aligned, 0), atol=1e-5)
    narrow = align(driver, reference * np.float32([2, 1, 1]), driver_aspect=1.0, reference_aspect=0.5)
    np.testing.assert_allclose(np.where(seen, narrow, 0), np.where(seen, aligned * [2, 1, 1], 0), atol=1e-5)


def test_each_part_has_one_scale_for_the_whole_clip(dancer: Callable[..., np.ndarray]) -> None:
    driver, (reference,) = dancer(3, 5, 0.7), dancer(4, 9, 0.8, 1, THIGH=1.2, UPPER_ARM=0.8)
    shown = (driver[:, :, 2] >= VISIBLE)[:, LIMBS].all(-1)
    factors = lengths(align(driver, reference, **SQUARE)) / lengths(driver)
    means = np.nanmean(np.where(shown, factors, np.nan), axis=0)
    np.testing.assert_allclose(np.where(shown, factors, means), np.broadcast_to(means, factors.shape), rtol=1e-3)


def test_the_aligned_driver_is_near_the_reference_dancer_in_that_dance(dancer: Callable[..., np.ndarray]) -> None:
    """In picture heights: 0.070 off as it is, 0.017 aligned, most of that where a reference in another dance happens
    to stand; with the necks on each other 0.036 as it is, 0.005 aligned."""
    placed, carried = [], []
    for seed in range(6):
        factors = dict(zip(LENGTHS, np.random.default_rng(seed).uniform(0.82, 1.2, len(LENGTHS)), strict=True))
        driver, truth = dancer(10 + seed, seed, 0.55), dancer(20 + seed, seed, 0.68, **factors)
        (reference,) = dancer(20 + seed, 40 + seed, 0.68, 1, **factors)
        aligned = align(driver, reference, **SQUARE)
        placed.append([error(driver, truth, carried=False), error(aligned, truth, carried=False)])
        carried.append([error(driver, truth, carried=True), error(aligned, truth, carried=True)])
        assert carried[-1][1] < 0.35 * carried[-1][0]
    assert np.mean(placed, 0) == pytest.approx([0.070, 0.017], abs=0.002)
    assert np.mean(carried, 0) == pytest.approx([0.036, 0.005], abs=0.001)


def test_the_feet_stand_where_the_references_stand_and_do_not_slide() -> None:
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    ankles = list(ANKLES)
    driver[..., :2] -= driver[:, ankles, :2].mean(1, keepdims=True) - [0.5, 0.9]
    aligned = align(driver, reference, **SQUARE)
    assert aligned[0, ankles, 0].mean() == pytest.approx(reference[ankles, 0].mean(), abs=1e-5)
    assert aligned[0, ankles, 1].max() == pytest.approx(reference[ankles, 1].max(), abs=1e-5)
    middle = aligned[:, ankles, :2].mean(1)
    np.testing.assert_allclose(middle, np.broadcast_to(middle[0], middle.shape), atol=1e-5)


@pytest.mark.parametrize(("hidden", "anchor"), [([10], HIPS), ([10, 13, 8], (NECK,)), ([*range(8, 14)], (NECK,))])
def test_without_feet_the_hips_or_the_neck_come_to_their_place(hidden: list[int], anchor: tuple[int, ...]) -> None:
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    reference[hidden] = 0
    aligned = align(driver, reference, **SQUARE)[0, list(anchor)]
    assert aligned[:, 0].mean() == pytest.approx(reference[list(anchor), 0].mean(), abs=1e-5)
    assert aligned[:, 1].max() == pytest.approx(reference[list(anchor), 1].max(), abs=1e-5)


@pytest.mark.parametrize("side", ARMS)
def test_a_side_that_is_not_seen_is_like_the_other(side: str) -> None:
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    expected = align(driver, reference, **SQUARE)
    reference[ARMS[side]] = 0
    np.testing.assert_allclose(align(driver, reference, **SQUARE), expected, atol=1e-5)


def test_parts_that_are_not_seen_are_scaled_like_what_carries_them_or_the_body() -> None:
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    reference[[3, 4, 6, 7, 10, 13]] = 0
    reference[18:60] = 0
    factors = lengths(align(driver, reference, **SQUARE))[0] / lengths(driver)[0]
    number = {tuple(limb): place for place, limb in enumerate(LIMBS.tolist())}
    assert factors[number[9, 10]] == pytest.approx(factors[number[8, 9]], rel=1e-3)  # shin, thigh
    body = factors[number[2, 3]]
    assert factors[number[3, 4]] == pytest.approx(body, rel=1e-3)
    known = [factors[number[limb]] for limb in ((1, 2), (1, 8), (8, 9), (1, 0))]
    assert min(known) < body < max(known)


def test_joints_hidden_for_a_while_leave_the_others_where_they_are(dancer: Callable[..., np.ndarray]) -> None:
    driver, (reference,) = dancer(3, 5, 0.7), dancer(4, 9, 0.8, 1, THIGH=1.15, FOREARM=0.85)
    expected = align(driver, reference, **SQUARE)
    gaps = driver.copy()
    gaps[5:8, [6, 9]] = 0  # an elbow and a knee, which carry a hand and a foot
    gaps[10, NECK] = 0
    aligned = align(gaps, reference, **SQUARE)
    both = gaps[..., 2] >= VISIBLE
    assert np.abs(aligned - expected)[both][:, :2].max() < 0.02
    np.testing.assert_array_equal(aligned[~both], gaps[~both])


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_hidden_the_result_is_numbers(seed: int) -> None:
    random = np.random.default_rng(seed)
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    driver[random.random(driver.shape[:2]) < random.random()] = 0
    driver[:, random.random(NUM_KEYPOINTS) < random.random()] = 0
    reference[random.random(NUM_KEYPOINTS) < random.random()] = 0
    try:
        aligned = align(driver, reference, **SQUARE)
    except InputError:
        return
    assert np.isfinite(aligned).all()
    seen = driver[..., 2] >= VISIBLE
    assert np.abs(aligned[seen]).max() < 20
    np.testing.assert_array_equal(aligned[..., 2], driver[..., 2])


def test_without_a_neck_the_place_does_not_matter_either() -> None:
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    driver[:, NECK] = reference[NECK] = 0
    moved = driver + np.float32([0.3, 0.2, 0]) * (driver[..., 2:] > 0)
    np.testing.assert_allclose(align(moved, reference, **SQUARE), align(driver, reference, **SQUARE), atol=1e-5)


def test_other_sides_seen_are_enough() -> None:
    """The reference shows one arm and the driver, in one of its frames, the other."""
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    driver[:, sorted({*range(NUM_KEYPOINTS)} - {NECK, *ARMS["left"]})] = 0
    reference[sorted({*range(NUM_KEYPOINTS)} - {NECK, *ARMS["right"]})] = 0
    driver[0, ARMS["left"]] = 0
    aligned = align(driver, reference, **SQUARE)
    left, right = (np.linalg.norm(np.diff(each[..., :2], axis=-2)) for each in (aligned[1, [6, 7]], reference[[3, 4]]))
    assert left == pytest.approx(right, rel=1e-4)


def test_a_face_alone_is_enough() -> None:
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    driver[:, :60] = reference[:60] = 0
    np.testing.assert_allclose(align(driver, driver[0], **SQUARE), driver, atol=1e-5)
    aligned = align(driver, reference, **SQUARE)[:, FACE]
    assert aligned[0, :, 0].mean() == pytest.approx(reference[FACE, 0].mean(), abs=1e-5)
    assert aligned[0, :, 1].max() == pytest.approx(reference[FACE, 1].max(), abs=1e-5)


def test_who_have_nothing_in_common_are_refused() -> None:
    driver, (reference,) = flat_figure(1, 2), flat_figure(3, 4, frames=1)
    driver[:, :60], reference[60:] = 0, 0
    with pytest.raises(InputError, match="no part of the body in common"):
        align(driver, reference, **SQUARE)
    with pytest.raises(InputError, match=r"the reference holds an array of shape \(1, 18, 3\)"):
        align(driver, reference[:18], **SQUARE)
    with pytest.raises(InputError, match="the driver holds no visible keypoint"):
        align(np.zeros_like(driver), reference, **SQUARE)

"""Keypoints: mirrored, cropped, and read from files that may be anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from humangen.pose.keypoints import BODY, FACE, LEFT_HAND, MIRROR, RIGHT_HAND, crop, load_pose_file, mirror
from humangen.types import InputError
from tests.unit.tiny import tiny_keypoints


def test_mirroring_twice_is_the_identity() -> None:
    keypoints = tiny_keypoints()
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(128))
    np.testing.assert_allclose(mirror(mirror(keypoints)), keypoints, atol=1e-6)


def test_mirroring_swaps_the_sides_and_keeps_the_parts() -> None:
    assert set(MIRROR[BODY]) == set(range(18))
    np.testing.assert_array_equal(MIRROR[LEFT_HAND], np.arange(128)[RIGHT_HAND])
    assert set(MIRROR[FACE]) == set(range(60, 128))
    assert MIRROR[[0, 1, 2, 4, 14, 16]].tolist() == [0, 1, 5, 7, 15, 17]
    middle = [60 + point for point in (8, 27, 28, 29, 30, 33, 51, 57, 62, 66)]  # chin, nose, lips
    assert [point for point in range(60, 128) if MIRROR[point] == point] == middle


def test_a_symmetric_face_is_its_own_mirror_image() -> None:
    """Every pair of the 68 points lies on one height; a wrong pair would not."""
    jaw = [(0.1 + 0.05 * i, 0.5 + 0.3 * np.sin(np.pi * i / 16)) for i in range(17)]
    brows = [(0.1 + 0.05 * i, 0.3 - 0.01 * min(i, 4 - i)) for i in range(5)]
    brows += [(1 - x, y) for x, y in reversed(brows)]
    nose = [(0.5, 0.4 + 0.02 * i) for i in range(4)] + [(0.4 + 0.05 * i, 0.5 - 0.01 * abs(i - 2)) for i in range(5)]
    eye = [(0.2, 0.4), (0.23, 0.38), (0.27, 0.37), (0.3, 0.4), (0.27, 0.42), (0.23, 0.43)]
    eyes = eye + [(1 - eye[i][0], eye[i][1]) for i in (3, 2, 1, 0, 5, 4)]

    def ring(upper: int, lower: int, height: float) -> list[tuple[float, float]]:
        top = [(0.35 + 0.3 * i / (upper - 1), 0.6 - height * min(i, upper - 1 - i)) for i in range(upper)]
        step = 0.3 / (lower + 1)
        return top + [(0.65 - step * (i + 1), 0.61 + height * min(i, lower - 1 - i)) for i in range(lower)]

    face = np.array(jaw + brows + nose + eyes + ring(7, 5, 0.01) + ring(5, 3, 0.005))
    face[:17, 0] = np.linspace(0.1, 0.9, 17)
    assert face.shape == (68, 2)
    keypoints = np.ones((1, 128, 3), np.float32)
    keypoints[0, FACE, :2] = face
    np.testing.assert_allclose(mirror(keypoints)[0, FACE], keypoints[0, FACE], atol=1e-6)


def test_cropping_to_the_whole_changes_nothing_and_to_a_box_hides_the_rest() -> None:
    keypoints = tiny_keypoints()
    np.testing.assert_array_equal(crop(keypoints, 0, 0, 1, 1), keypoints)
    boxed = crop(keypoints, 0.25, 0.5, 0.5, 0.5)
    inside = (keypoints[..., 0] >= 0.25) & (keypoints[..., 0] <= 0.75) & (keypoints[..., 1] >= 0.5)
    np.testing.assert_array_equal(boxed[..., 2] > 0, inside)
    np.testing.assert_allclose(boxed[..., 0] * 0.5 + 0.25, keypoints[..., 0], atol=1e-6)
    np.testing.assert_allclose(boxed[..., 1] * 0.5 + 0.5, keypoints[..., 1], atol=1e-6)


def test_keypoints_come_back_from_a_file(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "pose.npz", keypoints=tiny_keypoints().astype(np.float64))
    loaded = load_pose_file(tmp_path / "pose.npz").keypoints
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, tiny_keypoints())


def spoiled(value: float) -> np.ndarray:
    keypoints = tiny_keypoints()
    keypoints[1, 2, 0] = value
    return keypoints


@pytest.mark.parametrize(("arrays", "message"), [
    ({"keypoints": tiny_keypoints()[:0]}, "no frame"),
    ({"keypoints": tiny_keypoints()[0]}, r"shape \(128, 3\)"),
    ({"keypoints": tiny_keypoints()[:, :18]}, r"shape \(4, 18, 3\)"),
    ({"keypoints": spoiled(np.nan)}, "not finite"),
    ({"keypoints": spoiled(np.inf)}, "not finite"),
    ({"keypoints": tiny_keypoints() * [1, 1, 0.1]}, "no visible keypoint"),
    ({"poses": tiny_keypoints()}, "no array 'keypoints'; it has poses"),
    ({}, "it has none"),
    ({"keypoints": np.full((2, 128, 3), "x")}, "pose.npz"),
    ({"keypoints": np.full((2, 128, 3), None)}, "pose.npz"),
])  # fmt: skip
def test_keypoints_that_cannot_be_used_are_refused(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "pose.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load_pose_file(tmp_path / "pose.npz")


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "array", "folder", "absent"])
def test_files_that_hold_no_keypoints_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "pose.npz"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not an archive")
    elif kind == "cut":
        np.savez(path, keypoints=tiny_keypoints())
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "array":
        with path.open("wb") as file:
            np.save(file, tiny_keypoints())
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(InputError, match=r"pose\.npz"):
        load_pose_file(path)


def test_keypoints_are_fitted_as_their_picture_is(tmp_path: Path) -> None:
    keypoints = np.zeros((2, 128, 3), np.float32)
    keypoints[:, :3] = (0.0, 0.0, 1), (1.0, 1.0, 1), (0.5, 0.25, 1)
    np.savez(tmp_path / "pose.npz", keypoints=keypoints, fps=24.0, size=(100, 50))
    file = load_pose_file(tmp_path / "pose.npz")
    assert (file.fps, file.size) == (24.0, (100, 50))
    np.testing.assert_allclose(file.fitted(200, 200)[0, :3, :2], [(0.25, 0), (0.75, 1), (0.5, 0.25)], atol=1e-6)
    np.savez(tmp_path / "plain.npz", keypoints=keypoints)
    plain = load_pose_file(tmp_path / "plain.npz")
    assert plain.fps is None
    np.testing.assert_array_equal(plain.fitted(200, 200), keypoints)


@pytest.mark.parametrize("wrong", [{"fps": 0.0}, {"fps": np.nan}, {"size": (0, 5)}, {"size": 7}])
def test_rates_and_sizes_that_cannot_be_are_refused(tmp_path: Path, wrong: dict) -> None:
    np.savez(tmp_path / "pose.npz", keypoints=np.ones((1, 128, 3), np.float32), **wrong)
    with pytest.raises(InputError, match=r"pose\.npz"):
        load_pose_file(tmp_path / "pose.npz")

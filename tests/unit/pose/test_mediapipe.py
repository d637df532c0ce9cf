"""The embedded estimator on real people and on a drawn one."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from data_prep.people import follow
from humangen.data.dancers import render_clip
from humangen.media import open_video, read_picture
from humangen.pose.estimators import PoseEstimator, estimator
from humangen.pose.files import read_people
from humangen.pose.keypoints import BODY, FACE, LEFT_HAND, MIRROR, RIGHT_HAND, VISIBLE, mirror
from humangen.pose.layouts import from_mediapipe
from tests.unit.tiny import REAL

solutions = pytest.importorskip("mediapipe.python.solutions")  # there is none for the newest Python
pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase")  # mediapipe's own affair
real = pytest.mark.skipif(not REAL.is_dir(), reason="no real pictures here")
NOSE, NECK, R_SHOULDER, R_WRIST, L_SHOULDER, L_WRIST = 0, 1, 2, 4, 5, 7
FROM_THE_FRONT, FROM_BEHIND = 0, 150  # frames of the fashion clip


@pytest.fixture(scope="module")
def mediapipe() -> PoseEstimator:
    return estimator("mediapipe")


@cache
def real_picture(name: str) -> np.ndarray:
    if name == "reference":
        return read_picture(REAL / "references/anyone-3.png")
    return open_video(REAL / "ubcfashion/test/ubc.mp4").frames([FROM_THE_FRONT])[0]


def only_person(mediapipe: PoseEstimator, picture: np.ndarray) -> np.ndarray:
    (box,) = mediapipe.people(picture)
    return mediapipe.keypoints(picture, box)


def seen(keypoints: np.ndarray, part: slice) -> np.ndarray:
    return keypoints[part, 2] >= VISIBLE


@cache
def real_keypoints(mediapipe: PoseEstimator, name: str) -> np.ndarray:
    return only_person(mediapipe, real_picture(name))


@real
def test_a_box_is_around_the_person(mediapipe: PoseEstimator) -> None:
    (box,) = mediapipe.people(real_picture("reference"))
    assert box.dtype == np.float32
    assert 0.40 < box[0] < 0.44
    assert 0.83 < box[2] < 0.88
    assert box[1] < 0.03
    assert 0.97 < box[3] <= 1
    assert 0.8 < box[4] <= 1


@real
@pytest.mark.parametrize("name", ["reference", "fashion"])
def test_a_real_person_is_found_whole(mediapipe: PoseEstimator, name: str) -> None:
    keypoints = real_keypoints(mediapipe, name)
    assert keypoints.dtype == np.float32
    assert keypoints.shape == (128, 3)
    assert ((keypoints >= 0) & (keypoints <= 1)).all()
    assert seen(keypoints, slice(0, 128)).all()
    height = keypoints[:, 1]
    for upper, lower in ((NOSE, NECK), (NECK, 8), (8, 9), (9, 10), (NECK, 11), (11, 12), (12, 13), (14, NOSE)):
        assert height[upper] < height[lower]


@real
@pytest.mark.parametrize("name", ["reference", "fashion"])
def test_left_and_right_are_the_persons_own(mediapipe: PoseEstimator, name: str) -> None:
    keypoints = real_keypoints(mediapipe, name)
    pairs = [*range(2, 5), *range(8, 11), 14, 16]
    assert (keypoints[MIRROR[pairs], 0] > keypoints[pairs, 0]).all(), "facing the camera, left is to the right"
    for hand, wrist in ((LEFT_HAND, L_WRIST), (RIGHT_HAND, R_WRIST)):
        assert np.linalg.norm(keypoints[hand.start, :2] - keypoints[wrist, :2]) < 0.04
    flipped = only_person(mediapipe, np.ascontiguousarray(real_picture(name)[:, ::-1]))
    np.testing.assert_allclose(mirror(flipped)[:, :2], keypoints[:, :2], atol=0.03)


@real
def test_a_face_lies_on_its_eyes_and_nose(mediapipe: PoseEstimator) -> None:
    keypoints = real_keypoints(mediapipe, "reference")
    face = keypoints[FACE, :2]
    for points, joint in ((range(36, 42), 14), (range(42, 48), 15), ([30], NOSE)):
        np.testing.assert_allclose(face[points].mean(0), keypoints[joint, :2], atol=0.012)
    heights = face[[19, 37, 30, 33, 51, 62, 66, 57, 8], 1]  # from a brow down to the chin
    assert (np.diff(heights) >= 0).all()


@real
def test_from_behind_there_is_no_face(mediapipe: PoseEstimator) -> None:
    picture = open_video(REAL / "ubcfashion/test/ubc.mp4").frames([FROM_BEHIND])[0]
    keypoints = only_person(mediapipe, picture)
    assert keypoints[L_SHOULDER, 0] < keypoints[R_SHOULDER, 0]
    assert not keypoints[[NOSE, 14, 15], 2].any()
    assert not keypoints[FACE].any()


@real
def test_it_agrees_with_the_published_keypoints(mediapipe: PoseEstimator) -> None:
    picture = read_picture(REAL / "tiktok_folder/002/000001.png")
    (theirs,) = read_people(REAL / "tiktok_folder/002/openpose_json/000001.png.json", *picture.shape[:2])
    ours = only_person(mediapipe, picture)
    both = seen(ours, BODY) & seen(theirs, BODY)
    assert both.sum() >= 12
    distances = np.linalg.norm((ours - theirs)[BODY, :2][both] * [picture.shape[1], picture.shape[0]], axis=1)
    shoulders = np.abs(theirs[L_SHOULDER, 0] - theirs[R_SHOULDER, 0]) * picture.shape[1]
    assert np.median(distances) < 0.1 * shoulders


def test_a_drawn_dancer_is_found_every_time_the_same_and_without_a_word(
    mediapipe: PoseEstimator, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = render_clip(7, 9, 1, 8.0, 512, 512)
    (picture,), (truth,) = clip.frames, clip.keypoints
    keypoints = only_person(mediapipe, picture)
    both = seen(keypoints, BODY) & seen(truth, BODY)
    assert both.sum() >= 14
    assert np.median(np.linalg.norm((keypoints - truth)[BODY, :2][both], axis=1)) < 0.03
    np.testing.assert_array_equal(only_person(estimator("mediapipe"), picture), keypoints)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (40, 700)])
def test_nobody_is_no_box_and_no_keypoint(mediapipe: PoseEstimator, shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 128, np.uint8)
    assert mediapipe.people(picture).shape == (0, 5)
    keypoints = mediapipe.keypoints(picture, np.array([0.2, 0.2, 0.8, 0.8]))
    assert keypoints.shape == (128, 3)
    assert not keypoints.any()


@pytest.mark.parametrize(
    ("points", "contour"),
    [
        (range(0, 17), "FACE_OVAL"),
        (range(17, 22), "RIGHT_EYEBROW"),
        (range(22, 27), "LEFT_EYEBROW"),
        (range(36, 42), "RIGHT_EYE"),
        (range(42, 48), "LEFT_EYE"),
        (range(48, 68), "LIPS"),
    ],
)
def test_points_of_the_face_lie_on_mediapipes_own_contours(points: range, contour: str) -> None:
    pairs = getattr(solutions.face_mesh_connections, f"FACEMESH_{contour}")
    numbers = np.zeros((478, 3))
    numbers[:, 0] = np.arange(478) / 478
    numbers[:, 2] = 1
    face = from_mediapipe(np.zeros((33, 3)), face=numbers)[FACE]
    assert set(np.rint(face[points, 0] * 478).astype(int)) <= {int(end) for pair in pairs for end in pair}


def beside(*pictures: np.ndarray) -> np.ndarray:
    """People side by side, each 512 pixels high."""
    sizes = [(round(512 * picture.shape[1] / picture.shape[0]), 512) for picture in pictures]
    return np.concatenate([cv2.resize(each, size) for each, size in zip(pictures, sizes, strict=True)], axis=1)


@real
@pytest.mark.parametrize("turned", [False, True])
def test_someone_beside_the_person_is_found(mediapipe: PoseEstimator, turned: bool) -> None:
    pair = beside(*map(real_picture, ("reference", "fashion")[:: -1 if turned else 1]))
    people = mediapipe.people(pair)
    assert people.shape == (2, 5)
    assert follow([people])[1] == [2]
    (left, right), width = people[people[:, 0].argsort()], pair.shape[1]
    seam = (real_picture("fashion") if turned else real_picture("reference")).shape
    assert left[2] * width < 512 * seam[1] / seam[0] + 5 < right[2] * width
    assert left[2] < (right[0] + right[2]) / 2


@real
def test_nobody_is_found_beside_one_person(mediapipe: PoseEstimator) -> None:
    clip = open_video(REAL / "ubcfashion/test/ubc.mp4").frames(range(0, 380, 76))
    assert [len(mediapipe.people(picture)) for picture in clip] == [1] * 5

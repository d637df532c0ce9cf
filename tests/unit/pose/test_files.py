"""Pose files: each format by its content, the same person from each, and a clear word about the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from humangen.pose.files import read_clip, read_people, read_person
from humangen.pose.keypoints import FACE, LEFT_HAND, RIGHT_HAND, VISIBLE
from humangen.pose.layouts import from_coco17, from_wholebody133
from humangen.types import InputError
from tests.unit.tiny import REAL

real = pytest.mark.skipif(not REAL.is_dir(), reason="no real pose files here")
HEIGHT, WIDTH = 400, 200
NOSE, NECK, R_SHOULDER, L_SHOULDER, R_HIP, L_HIP = 0, 1, 2, 5, 8, 11


def pixels(count: int, *axes: int) -> np.ndarray:
    """Seen points (*axes, count, 3) in the picture, in pixels."""
    return np.random.default_rng(count).random((*axes, count, 3)) * [WIDTH, HEIGHT, 0.5] + [0, 0, 0.5]


def units(points: np.ndarray) -> np.ndarray:
    return points / [WIDTH, HEIGHT, 1]


def written(folder: Path, content: Any) -> Path:
    path = folder / "pose.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def openpose(suffix: str = "_2d", body: int = 18, face: int = 70, scale: Any = (1, 1, 1)) -> dict[str, Any]:
    parts = {"pose": body, "hand_left": 21, "hand_right": 21, "face": face}
    numbers = {name: (pixels(count) * scale).ravel().tolist() for name, count in parts.items()}
    return {"people": [{f"{name}_keypoints{suffix}": values for name, values in numbers.items()}]}


@pytest.mark.parametrize("suffix", ["_2d", ""])
@pytest.mark.parametrize(("body", "face"), [(18, 70), (25, 68)])
def test_openpose_old_and_new(tmp_path: Path, suffix: str, body: int, face: int) -> None:
    people = read_people(written(tmp_path, openpose(suffix, body, face)), HEIGHT, WIDTH)
    assert people.shape == (1, 128, 3)
    assert people.dtype == np.float32
    np.testing.assert_allclose(people[0, :8], units(pixels(body))[:8], rtol=1e-5)
    np.testing.assert_allclose(people[0, LEFT_HAND], units(pixels(21)), rtol=1e-5)
    np.testing.assert_allclose(people[0, RIGHT_HAND], units(pixels(21)), rtol=1e-5)
    np.testing.assert_allclose(people[0, FACE], units(pixels(face))[:68], rtol=1e-5)


def test_openpose_in_parts_of_the_picture(tmp_path: Path) -> None:
    inside = read_people(written(tmp_path, openpose(scale=(1 / WIDTH, 1 / HEIGHT, 1))), HEIGHT, WIDTH)
    np.testing.assert_allclose(inside, read_people(written(tmp_path, openpose()), HEIGHT, WIDTH), rtol=1e-5)


def test_openpose_people_may_lack_parts_or_not_be_there(tmp_path: Path) -> None:
    alone = {"pose_keypoints_2d": pixels(25).ravel().tolist(), "face_keypoints_2d": [], "hand_left_keypoints_2d": None}
    people = read_people(written(tmp_path, {"people": [alone, openpose()["people"][0]]}), HEIGHT, WIDTH)
    assert people.shape == (2, 128, 3)
    assert (people[0, :18, 2] > 0).all()
    assert not people[0, 18:].any()
    assert (people[1, :, 2] > 0).all()
    assert read_people(written(tmp_path, {"people": []}), HEIGHT, WIDTH).shape == (0, 128, 3)


def test_disco_people(tmp_path: Path) -> None:
    points = pixels(17, 2)
    points[0, 0, 2] = 1.01
    points[1, 3] = -1
    path = written(tmp_path, [{"keypoints": person.tolist()} for person in points])
    points[0, 0, 2] = 1
    points[1, 3] = 0
    np.testing.assert_allclose(read_people(path, HEIGHT, WIDTH), from_coco17(units(points)), rtol=1e-5)
    assert read_people(written(tmp_path, []), HEIGHT, WIDTH).shape == (0, 128, 3)


def test_dresscode_coordinates_do_not_follow_the_picture(tmp_path: Path) -> None:
    rows = [[192.0, 128.0, 0.5, float(point)] for point in range(18)]
    rows[14][1] = 0.0  # on the border: beyond it
    rows[15][:2] = [-1.0, -1.0]
    path = written(tmp_path, {"keypoints": rows})
    for height, width in ((1024, 768), (512, 384)):
        (person,) = read_people(path, height, width)
        np.testing.assert_allclose(person[:14], [[0.5, 0.25, 0.5]] * 14)
        assert not person[14:16].any()
        assert not person[18:].any()


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_wholebody_arrays(tmp_path: Path, suffix: str) -> None:
    def stored(array: np.ndarray) -> Path:
        path = tmp_path / f"pose.{suffix}"
        np.save(path, array) if suffix == "npy" else np.savez(path, some=array)
        return path

    points = pixels(133, 3)
    ours = from_wholebody133(units(points))
    np.testing.assert_allclose(read_people(stored(points), HEIGHT, WIDTH), ours, rtol=1e-5)
    np.testing.assert_allclose(read_people(stored(points[0].astype(np.float32)), HEIGHT, WIDTH), ours[:1], rtol=1e-4)
    np.testing.assert_allclose(read_people(stored(units(points)), HEIGHT, WIDTH), ours, rtol=1e-5)
    assert set(read_people(stored(points[0, :, :2]), HEIGHT, WIDTH)[0, :, 2]) == {1}
    np.testing.assert_allclose(read_clip(stored(points), HEIGHT, WIDTH), ours, rtol=1e-5)
    assert read_people(stored(points[:0]), HEIGHT, WIDTH).shape == (0, 128, 3)


FLAT = [0.5] * 54
BROKEN = {
    "empty": ("", "neither readable JSON"),
    "cut": ('{"people": [{"pose_keypoints_2d": [1, 2', "neither readable JSON"),
    "deep": ("[" * 100_000, "neither readable JSON"),
    "bytes": ("\x00\x01\x02", "neither readable JSON"),
    "number": ("3", "no known pose format"),
    "unknown": ({"joints": []}, "OpenPose, DisCo or DressCode"),
    "people": ({"people": {"0": []}}, "list of objects"),
    "person": ({"people": [[1, 2, 3]]}, "list of objects"),
    "no body": ({"people": [{"face_keypoints_2d": []}]}, "pose_keypoints_2d"),
    "body length": ({"people": [{"pose_keypoints_2d": FLAT[:51]}]}, "18 or 25 points of 3 numbers"),
    "hand length": ({"people": [{"pose_keypoints_2d": FLAT, "hand_left_keypoints_2d": [1, 2]}]}, "21 points"),
    "words": ({"people": [{"pose_keypoints_2d": ["a"] * 54}]}, "not a list of numbers"),
    "ragged": ({"people": [{"pose_keypoints_2d": [[1], [1, 2]]}]}, "not a list of numbers"),
    "mapping": ({"people": [{"pose_keypoints_2d": {"a": 1}}]}, "not a list of numbers"),
    "huge": ({"people": [{"pose_keypoints_2d": [10**400] * 54}]}, "not a list of numbers"),
    "nan": ({"people": [{"pose_keypoints_2d": [*FLAT[:53], float("nan")]}]}, "not finite"),
    "disco length": ([{"keypoints": [[1, 2, 3]] * 18}], "17 points of 3 numbers"),
    "disco person": ([{"points": []}], "no 'keypoints'"),
    "dresscode length": ({"keypoints": [[1, 2, 3]] * 18}, "18 points of 4 numbers"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named(tmp_path: Path, case: str) -> None:
    content, message = BROKEN[case]
    path = written(tmp_path, content)
    with pytest.raises(InputError, match=message) as caught:
        read_people(path, HEIGHT, WIDTH)
    assert str(path) in str(caught.value)


def test_broken_arrays_are_named(tmp_path: Path) -> None:
    path = tmp_path / "pose.npy"

    def refused(message: str, read: Any = read_people) -> None:
        with pytest.raises(InputError, match=message) as caught:
            read(path, HEIGHT, WIDTH)
        assert str(path) in str(caught.value)

    refused("no pose file")
    np.save(path, pixels(134))
    refused(r"shape \(133, 2 or 3\)")
    np.save(path, pixels(133))
    refused(r"shape \(frames, 133", read_clip)
    path.write_bytes(path.read_bytes()[:500])
    refused("not a readable")
    np.save(path, np.array([{}], object), allow_pickle=True)
    refused("not a readable")
    np.save(path, np.full((133, 3), np.nan))
    refused("not finite")
    path.write_bytes(b"PK\x03\x04 and nothing")
    refused("not a readable")
    with path.open("wb") as file:
        np.savez(file, keypoints=pixels(133)[:, :2], scores=pixels(133)[:, 2])
    refused("found 2 arrays")
    path.write_text("[]")
    refused("a whole clip", read_clip)


def real_people() -> Iterator[tuple[Path, np.ndarray]]:
    """Pose files and the one person in each."""
    pairs = [(path.parents[1] / path.stem, path) for path in REAL.glob("tiktok_folder/*/openpose_json/*.json")]
    vitonhd = REAL / "vitonhd_parse/test"
    for name in ("03191_00", "12419_00"):
        pairs.append((vitonhd / f"image/{name}.jpg", vitonhd / f"openpose_json/{name}_keypoints.json"))
    dresscode = REAL / "dresscode/upper_body"
    pairs.append((dresscode / "images/048462_0.jpg", dresscode / "keypoints/048462_2.json"))
    for picture, path in pairs:
        width, height = Image.open(picture).size
        (person,) = read_people(path, height, width)
        yield path, person


@real
def test_real_people_stand_upright_and_face_the_camera() -> None:
    people = list(real_people())
    assert len(people) == 21
    for path, person in people:
        seen = person[:, 2] >= VISIBLE
        assert seen[[NECK, R_SHOULDER, L_SHOULDER, R_HIP, L_HIP]].all(), path
        assert person[L_SHOULDER, 0] - person[R_SHOULDER, 0] > 0.1, path
        assert person[NECK, 1] + 0.15 < min(person[R_HIP, 1], person[L_HIP, 1]), path
        assert person[R_SHOULDER, 0] < person[NECK, 0] < person[L_SHOULDER, 0], path
        if "dresscode" in str(path):  # the picture ends at the chin
            assert not seen[NOSE]
        else:
            assert person[NOSE, 1] + 0.05 < person[NECK, 1], path


@real
def test_real_faces_and_hands_are_where_the_body_says() -> None:
    people = [person for path, person in real_people() if "vitonhd" in str(path)]
    assert len(people) == 2
    for person in people:
        assert np.abs(person[FACE.start + 30] - person[NOSE])[:2].max() < 0.02
        for hand, wrist in ((LEFT_HAND, 7), (RIGHT_HAND, 4)):
            assert np.abs(person[hand.start] - person[wrist])[:2].max() < 0.03


def test_a_picture_is_of_the_largest_person(tmp_path: Path) -> None:
    people = pixels(133, 2)
    people[0, :, :2] *= 0.5
    np.save(tmp_path / "two.npy", people)
    found = read_person(tmp_path / "two.npy", HEIGHT, WIDTH)
    np.testing.assert_array_equal(found, read_people(tmp_path / "two.npy", HEIGHT, WIDTH)[1])


def test_a_picture_may_have_our_own_keypoints(tmp_path: Path) -> None:
    stored = np.zeros((2, 128, 3), np.float32)
    stored[:, 0] = 0.5, 0.25, 1
    path = tmp_path / "me.npz"
    np.savez(path, keypoints=stored[:1], size=np.array([2 * HEIGHT, 2 * WIDTH]))
    np.testing.assert_array_equal(read_person(path, HEIGHT, WIDTH), stored[0])
    with pytest.raises(InputError, match=r"me.npz was seen in a picture of 400x800, not in this one of 200x300"):
        read_person(path, 300, WIDTH)
    np.savez(path, keypoints=stored)
    with pytest.raises(InputError, match=r"me.npz holds 2 frames"):
        read_person(path, HEIGHT, WIDTH)


def test_a_picture_of_nobody(tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text('{"people": []}')
    with pytest.raises(InputError, match=r"none.json shows nobody"):
        read_person(tmp_path / "none.json", HEIGHT, WIDTH)

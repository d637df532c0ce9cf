"""Pose files that data sets bring, recognised by their content.

| content | what it is |
|---|---|
| JSON object with `people` | OpenPose: a body of 18 or 25 points, hands, a face; names with and without `_2d` |
| JSON list | DisCo: objects with 17 COCO `keypoints`, x, y, score in pixels; an empty list is nobody |
| JSON object with `keypoints` | DressCode: 18 points x, y, score, number on 384 x 512, whatever the picture's size |
| .npy, or .npz of one array | COCO-WholeBody: 133 points of one person or several, with or without confidence |

OpenPose and COCO-WholeBody files are in pixels of the picture, or in [0, 1] if no coordinate of theirs exceeds 1.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from humangen.pose.keypoints import NUM_KEYPOINTS, load_pose_file
from humangen.pose.layouts import from_coco17, from_openpose, from_pixels, from_wholebody133
from humangen.types import InputError

DRESSCODE_SIZE = (512, 384)  # height, width of the picture that its keypoints lie in
# the parts of an OpenPose person as `from_openpose` takes them: what they are called, how many points they may have
OPENPOSE_PARTS = [
    ("pose_keypoints", {18, 25}),
    ("hand_left_keypoints", {21}),
    ("hand_right_keypoints", {21}),
    ("face_keypoints", {68, 70}),
]
WANTED = "OpenPose, DisCo or DressCode JSON, or a COCO-WholeBody array in .npy or .npz"


def read_people(path: Path, height: int, width: int) -> np.ndarray:
    """The people (P, 128, 3) in the pose file of a picture of `height` x `width`; P may be 0.

    Raises `InputError` that names the file for content that is broken or of no known format.
    """

    def people(data: bytes) -> np.ndarray:
        if not _is_numpy(data):
            return _json_people(data, height, width)
        points = _wholebody(data, "(133, 2 or 3) or (people, 133, 2 or 3)", {2, 3})
        return _from_wholebody(points.reshape(-1, *points.shape[-2:]), height, width)

    return _read(path, people)


def read_person(path: Path, height: int, width: int) -> np.ndarray:
    """The keypoints (128, 3) of the largest person in the pose file of a picture of `height` x `width`: one that
    `read_people` reads, or the .npz of a single frame that `load_pose_file` does.

    Raises `InputError` that names the file, also where it shows nobody or was seen in a picture of another shape.
    """
    if _is_ours(path):
        stored = load_pose_file(path)
        if len(stored.keypoints) != 1:
            raise InputError(f"{path} holds {len(stored.keypoints)} frames: a picture has one")
        if stored.size is not None and stored.size[0] * width != stored.size[1] * height:
            other = f"{stored.size[1]}x{stored.size[0]}"
            raise InputError(f"{path} was seen in a picture of {other}, not in this one of {width}x{height}")
        return stored.keypoints[0]
    seen = [person for person in read_people(path, height, width) if person[:, 2].any()]
    if not seen:
        raise InputError(f"{path} shows nobody")
    return largest(seen)


def largest(people: Sequence[np.ndarray]) -> np.ndarray:
    """Of people (128, 3), of each of whom a point is seen, the one whose points span the largest box."""

    def extent(points: np.ndarray) -> float:
        seen = points[points[:, 2] > 0, :2]
        return float(np.prod(seen.max(0) - seen.min(0)))

    return max(people, key=extent)


def read_clip(path: Path, height: int, width: int) -> np.ndarray:
    """The keypoints (F, 128, 3) of one person in a clip of `height` x `width`, from a COCO-WholeBody array
    (F, 133, 2 or 3) in .npy or .npz. Raises `InputError` that names the file."""

    def clip(data: bytes) -> np.ndarray:
        if not _is_numpy(data):
            raise InputError("not the .npy or .npz file that a whole clip's keypoints are expected in")
        return _from_wholebody(_wholebody(data, "(frames, 133, 2 or 3)", {3}), height, width)

    return _read(path, clip)


def _read(path: Path, read: Callable[[bytes], np.ndarray]) -> np.ndarray:
    if not path.is_file():
        raise InputError(f"no pose file at {path}")
    try:
        return read(path.read_bytes())
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _is_ours(path: Path) -> bool:
    """Whether it is an .npz of an array `keypoints` of 128 points."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return "keypoints" in arrays and arrays["keypoints"].shape[-2:] == (NUM_KEYPOINTS, 3)
    except Exception:  # whatever zip and numpy make of other files: `read_people` says what they are
        return False


def _is_numpy(data: bytes) -> bool:
    return data.startswith((b"\x93NUMPY", b"PK"))


def _wholebody(data: bytes, shape: str, axes: set[int]) -> np.ndarray:
    """The one array of an .npy or .npz file, checked to be 133 points on one of these numbers of axes."""
    try:
        content = np.load(io.BytesIO(data), allow_pickle=False)
        arrays = [content] if isinstance(content, np.ndarray) else list(content.values())
        if len(arrays) == 1:
            arrays[0] = arrays[0].astype(np.float64)
    except Exception as error:  # whatever zip and numpy make of broken bytes
        raise InputError(f"not a readable .npy or .npz file: {error}") from error
    if len(arrays) != 1:
        raise InputError(f"expected one array of COCO-WholeBody keypoints, found {len(arrays)} arrays")
    points = arrays[0]
    if points.ndim not in axes or points.shape[-2] != 133 or points.shape[-1] not in (2, 3):
        raise InputError(f"expected COCO-WholeBody keypoints of shape {shape}, found {points.shape}")
    return points


def _from_wholebody(points: np.ndarray, height: int, width: int) -> np.ndarray:
    return from_wholebody133(from_pixels(points, *_units(points[..., :2], height, width)))


def _units(places: np.ndarray, height: int, width: int) -> tuple[int, int]:
    """Height and width in the units of these coordinates: pixels, or the whole picture where none exceeds 1."""
    return (height, width) if (places > 1).any() else (1, 1)


def _json_people(data: bytes, height: int, width: int) -> np.ndarray:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"neither readable JSON ({error}) nor a numpy file; expected {WANTED}") from error
    if isinstance(content, list):
        people = [_disco_person(person, height, width) for person in content]
    elif isinstance(content, dict) and "people" in content:
        people = _openpose_people(content["people"], height, width)
    elif isinstance(content, dict) and "keypoints" in content:
        people = [_dresscode_person(content["keypoints"])]
    else:
        raise InputError(f"JSON of no known pose format; expected {WANTED}")
    return np.stack(people) if people else np.zeros((0, NUM_KEYPOINTS, 3), np.float32)


def _disco_person(person: Any, height: int, width: int) -> np.ndarray:
    if not isinstance(person, dict) or "keypoints" not in person:
        raise InputError("a list of people (DisCo) of whom one has no 'keypoints'")
    return from_coco17(from_pixels(_points(person["keypoints"], "keypoints", {17}, 3), height, width))


def _dresscode_person(rows: Any) -> np.ndarray:
    points = _points(rows, "keypoints", {18}, 4)[:, :3]
    # points beyond the border lie on it, so the data set's own code takes nothing at 1 or less for seen
    points[(points[:, :2] <= 1).any(-1), 2] = 0
    return from_openpose(from_pixels(points, *DRESSCODE_SIZE))


def _openpose_people(people: Any, height: int, width: int) -> list[np.ndarray]:
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise InputError("expected OpenPose 'people' to be a list of objects")
    parts = [[_openpose_part(person, *part) for part in OPENPOSE_PARTS] for person in people]
    places = [points[:, :2].ravel() for person in parts for points in person if points is not None]
    units = _units(np.concatenate([*places, []]), height, width)
    return [
        from_openpose(*(None if points is None else from_pixels(points, *units) for points in person))
        for person in parts
    ]


def _openpose_part(person: dict[str, Any], name: str, lengths: set[int]) -> np.ndarray | None:
    """The points (K, 3) of a part, None where it is empty or not there."""
    values = person.get(f"{name}_2d", person.get(name))
    if name == "pose_keypoints" and values is None:
        raise InputError("an OpenPose person without 'pose_keypoints_2d' (or 'pose_keypoints')")
    return _points(values, name, lengths, 3) if values else None


def _points(values: Any, name: str, lengths: set[int], columns: int) -> np.ndarray:
    """Numbers, flat or in rows, as float64 (K, columns), K one of `lengths`."""
    try:
        numbers = np.asarray(values, np.float64).ravel()
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"'{name}' is not a list of numbers: {error}") from error
    if numbers.size not in {length * columns for length in lengths}:
        wanted = " or ".join(map(str, sorted(lengths)))
        raise InputError(f"expected {wanted} points of {columns} numbers in '{name}', found {numbers.size} numbers")
    return numbers.reshape(-1, columns)

"""The embedded estimators: the networks that come with mediapipe, nothing to download."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mediapipe
import numpy as np
from mediapipe.python.solutions.face_mesh import FaceMesh
from mediapipe.python.solutions.hands import Hands
from mediapipe.python.solutions.pose import Pose, PoseLandmark

from humangen.pose.keypoints import BODY, NUM_KEYPOINTS, VISIBLE
from humangen.pose.layouts import from_mediapipe

# mediapipe's own affair, repeated for every hand and face
warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype")

MARGIN = 1.25  # a person is looked for in the box times this, as DWPose does
BOX_MARGIN = 1.2  # a box of a person over that of the landmarks: crown, hair and clothes lie outside them
LEAST_SIDE = 0.15  # of the picture's width: someone else is looked for in what is left of it beside a person
HEAD, FEATURES = slice(0, 11), slice(0, 7)  # nose, eyes, ears, mouth; of which nose and eyes
HAND_REACH = 0.6  # half the side of the square that a hand is looked for in, over the length of the torso
# left, right
SHOULDERS = [PoseLandmark.LEFT_SHOULDER, PoseLandmark.RIGHT_SHOULDER]
ELBOWS = [PoseLandmark.LEFT_ELBOW, PoseLandmark.RIGHT_ELBOW]
WRISTS = [PoseLandmark.LEFT_WRIST, PoseLandmark.RIGHT_WRIST]
KNUCKLES = [[PoseLandmark.LEFT_INDEX, PoseLandmark.LEFT_PINKY], [PoseLandmark.RIGHT_INDEX, PoseLandmark.RIGHT_PINKY]]
HIPS = [PoseLandmark.LEFT_HIP, PoseLandmark.RIGHT_HIP]


class MediapipeBody:
    """mediapipe's body alone; confidence is its visibility."""

    name = f"mediapipe {mediapipe.__version__}"

    def __init__(self) -> None:
        with _quiet():
            self._pose = _woken(
                Pose(static_image_mode=True, model_complexity=1)
            )  # only this one comes with the package

    def find(self, picture: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        """33 landmarks (33, 3), x, y in pixels and visibility, looked for in a box in pixels; None of nobody."""
        pixels, box = _cut(picture, box)
        found = self._pose.process(pixels).pose_landmarks
        if found is None:
            return None
        return _landmarks(found, box, [landmark.visibility for landmark in found.landmark])

    def body(self, picture: np.ndarray) -> np.ndarray:
        """See `BodyFinder`."""
        height, width = picture.shape[:2]
        found = self.find(picture, np.array([0, 0, width, height]))
        keypoints = np.zeros((NUM_KEYPOINTS, 3), np.float32)
        if found is not None:
            keypoints = from_mediapipe(found / [width, height, 1])
        return keypoints[BODY]


class MediapipeEstimator:
    """mediapipe's body, then its hands around the wrists and its face mesh around the head, which it does not find
    in pictures where they are small.

    Confidence of the body is mediapipe's visibility, of a hand its score, of a face 1.
    """

    name = MediapipeBody.name

    def __init__(self) -> None:
        self._body = MediapipeBody()
        with _quiet():
            self._hands = _woken(Hands(static_image_mode=True, max_num_hands=2))
            self._face = _woken(FaceMesh(static_image_mode=True, max_num_faces=1))

    def people(self, picture: np.ndarray) -> np.ndarray:
        """Boxes of the one person that mediapipe finds, and of those whom it finds beside her, one on each side.
        See `PoseEstimator`."""
        height, width = picture.shape[:2]
        person = self._box(picture, np.array([0, 0, width, height]))
        if person is None:
            return np.zeros((0, 5), np.float32)
        left, right = person[[0, 2]] * width
        sides = [np.array([0, 0, left, height]), np.array([right, 0, width, height])]
        others = [self._box(picture, side) for side in sides if side[2] - side[0] >= LEAST_SIDE * width]
        return np.stack([person, *(box for box in others if box is not None)])

    def _box(self, picture: np.ndarray, within: np.ndarray) -> np.ndarray | None:
        """A row of `people`: of whom is found in a box in pixels."""
        body = self._body.find(picture, within)
        if body is None:
            return None
        places = body[body[:, 2] >= VISIBLE, :2] / picture.shape[1::-1]
        if len(places) == 0:
            return None
        box = _widened(np.concatenate([places.min(0), places.max(0)]), BOX_MARGIN).clip(0, 1)
        return np.array([*box, body[:, 2].mean()], np.float32)

    def keypoints(self, picture: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Keypoints (128, 3) of the person in `box`; all 0 where mediapipe finds nobody. See `PoseEstimator`."""
        height, width = picture.shape[:2]
        body = self._body.find(picture, _widened(box[:4] * [width, height, width, height], MARGIN))
        if body is None:
            return np.zeros((NUM_KEYPOINTS, 3), np.float32)
        hands, face = self._find_hands(picture, body), self._find_face(picture, body)
        left, right = body[SHOULDERS, 0]
        if face is None and left < right:
            body[FEATURES, 2] = 0  # seen from behind, where mediapipe is as sure of nose and eyes as from the front
        units = np.array([width, height, 1])
        parts = [None if part is None else part / units for part in (*hands, face)]
        return from_mediapipe(body / units, *parts)

    def _find_hands(self, picture: np.ndarray, body: np.ndarray) -> list[np.ndarray | None]:
        """The hand (21, 3) at the left and at the right wrist, in pixels.

        Which hand it is, the wrist says: mediapipe's own label takes the picture for a mirror, and errs.
        """
        wrists, elbows = body[WRISTS, :2], body[ELBOWS, :2]
        torso = np.linalg.norm(body[SHOULDERS, :2].mean(0) - body[HIPS, :2].mean(0))
        reach = max(HAND_REACH * torso, *np.linalg.norm(wrists - elbows, axis=1))
        hands = [
            hand
            for centre, sure in zip(body[KNUCKLES, :2].mean(1), body[WRISTS, 2], strict=True)
            if sure >= VISIBLE
            for hand in self._hands_around(picture, centre, reach)
        ]
        best: list[np.ndarray | None] = [None, None]
        for hand in sorted(hands, key=lambda hand: _distances(hand, wrists).min(), reverse=True):  # the nearest stays
            distances = _distances(hand, wrists)
            if distances.min() < reach / 2:
                best[distances.argmin()] = hand
        return best

    def _hands_around(self, picture: np.ndarray, centre: np.ndarray, reach: float) -> list[np.ndarray]:
        pixels, box = _cut(picture, np.concatenate([centre - reach, centre + reach]))
        found = self._hands.process(pixels)
        return [
            _landmarks(hand, box, handedness.classification[0].score)
            for hand, handedness in zip(found.multi_hand_landmarks or [], found.multi_handedness or [], strict=True)
        ]

    def _find_face(self, picture: np.ndarray, body: np.ndarray) -> np.ndarray | None:
        """The face mesh (468, 3) in pixels."""
        head = body[HEAD, :2]
        centre, reach = head.mean(0), 1.5 * np.ptp(head, axis=0).max()
        pixels, box = _cut(picture, np.concatenate([centre - reach, centre + reach]))
        found = self._face.process(pixels).multi_face_landmarks
        return _landmarks(found[0], box, 1.0) if found else None


def _widened(box: np.ndarray, factor: float) -> np.ndarray:
    """x0, y0, x1, y1 with sides `factor` times as long."""
    centre, half = (box[:2] + box[2:4]) / 2, (box[2:4] - box[:2]) / 2
    return np.concatenate([centre - factor * half, centre + factor * half])


def _cut(picture: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels of a box in pixels, as far as it lies in the picture, and the box that they fill; never empty."""
    height, width = picture.shape[:2]
    left, top = np.floor(box[:2]).clip(0, [width - 1, height - 1]).astype(int)
    right, bottom = np.ceil(box[2:]).clip([left + 1, top + 1], [width, height]).astype(int)
    return np.ascontiguousarray(picture[top:bottom, left:right]), np.array([left, top, right, bottom])


def _distances(hand: np.ndarray, wrists: np.ndarray) -> np.ndarray:
    """From the root of a hand to each wrist, in pixels."""
    return np.linalg.norm(hand[0, :2] - wrists, axis=1)


def _landmarks(found: Any, box: np.ndarray, confidence: float | list[float]) -> np.ndarray:
    """mediapipe's landmarks in a box as (K, 3): x, y in pixels of the picture, confidence."""
    places = np.array([[landmark.x, landmark.y] for landmark in found.landmark])
    return np.column_stack([box[:2] + places * (box[2:] - box[:2]), np.broadcast_to(confidence, len(places))])


def _woken(network: Any) -> Any:
    """A network that has seen a picture: it says on the first what it has to say."""
    network.process(np.zeros((64, 64, 3), np.uint8))
    return network


@contextmanager
def _quiet() -> Iterator[None]:
    """No output to stderr, not from C++ either, whose remarks on starting no setting of mediapipe's turns off."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

"""What an estimator of poses is, and the estimators by name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from humangen.types import InputError

ESTIMATORS = ("mediapipe", "dwpose")
NO_PACKAGE = "the pose estimator {} cannot be imported ({}); install it: make setup"


class PoseEstimator(Protocol):
    """Finds people in pictures and their keypoints. Pictures are uint8 RGB (H, W, 3)."""

    name: str  # which networks these are; goes into manifests

    def people(self, picture: np.ndarray) -> np.ndarray:
        """Boxes of the people, best first: float32 (P, 5) of x0, y0, x1, y1 in [0, 1] and a score; P may be 0."""

    def keypoints(self, picture: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Keypoints float32 (128, 3) of the person in `box`, the first four numbers of a row of `people`; what is
        not seen is 0, 0, 0."""


class BodyFinder(Protocol):
    """Finds the body of one person, in one look at the whole picture."""

    name: str

    def body(self, picture: np.ndarray) -> np.ndarray:
        """The 18 keypoints of the body, float32 (18, 3), of the largest and surest person of a picture, uint8 RGB
        (H, W, 3); what is not seen is 0, 0, 0."""


def make_ready(name: str | None, models: Path | None = None) -> None:
    """Fetches what the estimator `name` lacks, if it is one, so that it is told once and not for every clip that it
    cannot be had. Raises `InputError` where its packages or its files are missing."""
    try:
        if name == "mediapipe":
            import humangen.pose.mediapipe  # noqa: F401
        if name == "dwpose":
            from humangen.pose.dwpose import DWPoseEstimator

            DWPoseEstimator.files(models)
    except ImportError as error:
        raise InputError(NO_PACKAGE.format(name, error)) from error


def estimator(name: str, models: Path | None = None) -> PoseEstimator:
    """The estimator `mediapipe` (needs no download; sees nobody in front of or behind the person) or `dwpose`, whose
    files lie in `models`.

    Raises `InputError` for another name, and where its packages or its files are missing.
    """
    try:
        if name == "mediapipe":
            from humangen.pose.mediapipe import MediapipeEstimator

            return MediapipeEstimator()
        if name == "dwpose":
            from humangen.pose.dwpose import DWPoseEstimator

            return DWPoseEstimator.published(models)
    except ImportError as error:
        raise InputError(NO_PACKAGE.format(name, error)) from error
    raise InputError(f"no pose estimator {name}; there are {', '.join(ESTIMATORS)}")

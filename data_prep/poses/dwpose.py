"""DWPose through rtmlib: YOLOX finds people, RTMPose their 133 points."""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub
import numpy as np
import onnxruntime
from rtmlib import YOLOX, RTMPose
from rtmlib.tools.object_detection.post_processings import nms

from humangen.pose.layouts import from_wholebody133
from humangen.types import InputError

REPOSITORY = "yzd-v/DWPose"
MODELS = "HUMANGEN_MODELS"  # the environment's name for the folder of model files
DETECTOR_SIZE, POSE_SIZE = (640, 640), (288, 384)  # height, width; width, height: rtmlib takes them so
STRIDES = (8, 16, 32)  # of the detector's grids
PERSON_SCORE, OVERLAP = 0.3, 0.45  # DWPose's own


@dataclass(frozen=True)
class Model:
    """A published file: under this name, of this content."""

    name: str
    sha256: str
    num_bytes: int


DETECTOR = Model("yolox_l.onnx", "7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411", 216_746_733)
POSE = Model("dw-ll_ucoco_384.onnx", "724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843", 134_399_116)


class DWPoseEstimator:
    """Confidences are those of the published DWPose: the lower of a point's two peaks.

    The detector learned from BGR pictures, the pose network from RGB; rtmlib converts nothing.
    """

    def __init__(self, folder: Path | None = None, *, detector: Model = DETECTOR, pose: Model = POSE) -> None:
        """The files lie in `folder` (default: $HUMANGEN_MODELS, or ~/.cache/humangen) and are fetched where they do
        not. Raises `InputError` where they cannot be, and where a file is not the published one."""
        folder = folder or Path(os.environ.get(MODELS, "~/.cache/humangen")).expanduser()
        files = [str(locate(model, folder)) for model in (detector, pose)]
        device = "cuda" if "CUDAExecutionProvider" in onnxruntime.get_available_providers() else "cpu"
        with redirect_stdout(io.StringIO()):  # rtmlib announces every file
            self._detector = YOLOX(files[0], DETECTOR_SIZE, device=device)
            self._pose = RTMPose(files[1], POSE_SIZE, device=device)
        self.name = f"dwpose {Path(pose.name).stem}@{pose.sha256[:8]}"
        # asked of the session: onnxruntime goes on with the CPU where CUDA does not start
        print(f"{self.name} runs on {self._pose.session.get_providers()[0]}")

    def people(self, picture: np.ndarray) -> np.ndarray:
        """See `PoseEstimator`."""
        height, width = picture.shape[:2]
        pixels, ratio = self._detector.preprocess(np.ascontiguousarray(picture[..., ::-1]))
        boxes, scores = _decode(self._detector.inference(pixels)[0][0])
        likely = scores > PERSON_SCORE
        boxes, scores = boxes[likely] / ratio, scores[likely]
        best = nms(boxes, scores, OVERLAP)
        boxes = (boxes / [width, height, width, height]).clip(0, 1)
        return np.column_stack([boxes, scores])[best].astype(np.float32)

    def keypoints(self, picture: np.ndarray, box: np.ndarray) -> np.ndarray:
        """See `PoseEstimator`."""
        height, width = picture.shape[:2]
        pixels, centre, scale = self._pose.preprocess(picture, box[:4] * [width, height, width, height])
        peaks = self._pose.inference(pixels)
        places, _ = self._pose.postprocess(peaks, centre, scale)
        confidence = np.minimum(*(axis[0].max(-1) for axis in peaks))
        return from_wholebody133(np.column_stack([places[0] / [width, height], confidence]))


def locate(model: Model, folder: Path) -> Path:
    """The path of `model` in `folder`, fetched if it is not there, checked to be the published file."""
    path = folder / model.name
    if not path.is_file():
        _fetch(model, folder)
    if path.stat().st_size == model.num_bytes:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == model.sha256:
                return path
    raise InputError(
        f"{path} is not the published file ({model.num_bytes:,} bytes, sha256 {model.sha256}); "
        f"remove it, or put the one from {_address(model)} there"
    )


def _fetch(model: Model, folder: Path) -> None:
    print(f"fetching {model.name} ({model.num_bytes / 1e6:.0f} MB) into {folder}")
    try:
        huggingface_hub.hf_hub_download(REPOSITORY, model.name, local_dir=folder)
    except Exception as error:  # offline, refused, interrupted, no space: the hub's client has an exception for each
        raise InputError(
            f"no {model.name} in {folder}, and it cannot be fetched ({error}); download it from "
            f"{_address(model)} and put it there, or name the folder that has it in {MODELS}"
        ) from error


def _address(model: Model) -> str:
    return f"https://huggingface.co/{REPOSITORY}/resolve/main/{model.name}"


def _decode(output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """YOLOX's raw rows (cells, 85) as boxes x0, y0, x1, y1 in pixels of its input, and the scores of a person.

    rtmlib's own decoding keeps no scores, and takes boxes of dogs and chairs for people.
    """
    grids = [np.indices([side // stride for side in DETECTOR_SIZE]).reshape(2, -1) for stride in STRIDES]
    cells = np.concatenate(grids, axis=1)[::-1].T  # column, row
    strides = np.repeat(STRIDES, [grid.shape[1] for grid in grids])[:, None]
    centre, half = (output[:, :2] + cells) * strides, np.exp(output[:, 2:4]) * strides / 2
    return np.concatenate([centre - half, centre + half], axis=1), output[:, 4] * output[:, 5]

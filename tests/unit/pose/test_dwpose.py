"""DWPose, with small networks of the published form that answer to colours: places, channels, files."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from humangen.pose.dwpose import DWPoseEstimator
from humangen.pose.dwpose_files import DETECTOR, POSE, Model, locate
from humangen.pose.estimators import estimator
from humangen.pose.keypoints import FACE, LEFT_HAND, RIGHT_HAND
from humangen.types import InputError

RED, GREEN, BLUE, GREY, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (80, 80, 80), (0, 0, 0)
BOX = 128  # sides of the boxes that the small detector finds, in pixels of its input


def save(path: Path, nodes: list[onnx.NodeProto], inputs: list[int], outputs: dict[str, list[int]],
         constants: dict[str, np.ndarray]) -> Model:  # fmt: skip
    def value(name: str, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "small",
        [value("picture", inputs)],
        [value(name, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    data = path.read_bytes()
    return Model(path.name, hashlib.sha256(data).hexdigest(), len(data))


def small_detector(path: Path) -> Model:
    """(1, 3, 640, 640) -> (1, 8400, 85), raw, as YOLOX: in the grid of stride 32, a person where the first channel
    is stronger than the last, a dog where the last is stronger."""
    box = np.tile(np.array([0.5, 0.5, np.log(BOX / 32), np.log(BOX / 32), 1], np.float32), (1, 400, 1))
    node = helper.make_node
    nodes = [
        node("AveragePool", ["picture"], ["pooled"], kernel_shape=[32, 32], strides=[32, 32]),
        node("Split", ["pooled", "ones"], ["first", "middle", "last"], axis=1),
        node("Sub", ["first", "last"], ["difference"]),
        node("Div", ["difference", "white"], ["person_map"]),
        node("Neg", ["person_map"], ["dog_map"]),
        node("Reshape", ["person_map", "cells"], ["person"]),
        node("Reshape", ["dog_map", "cells"], ["dog"]),
        node("Concat", ["box", "person", "others", "dog", "rest"], ["rows"], axis=2),
        node("Concat", ["finer", "rows"], ["output"], axis=1),
    ]
    constants = {
        "ones": np.ones(3, np.int64),
        "white": np.array(255, np.float32),
        "cells": np.array([1, 400, 1]),
        "box": box,
        "others": np.zeros((1, 400, 15), np.float32),
        "rest": np.zeros((1, 400, 63), np.float32),
        "finer": np.zeros((1, 8000, 85), np.float32),
    }
    return save(path, nodes, [1, 3, 640, 640], {"output": [1, 8400, 85]}, constants)


def small_pose(path: Path) -> Model:
    """(1, 3, 384, 288) -> SimCC (1, 133, 576) and (1, 133, 768), as RTMPose: point k lies where channel k % 3 is
    brightest; peaks are 0.4 of the brightest normalised value along x and 0.2 of it along y."""
    node = helper.make_node
    nodes, constants = [], {"channels": np.arange(133) % 3}
    for name, axis, length, scale in (("x", 2, 288, 0.4), ("y", 3, 384, 0.2)):
        constants[f"{name}_twice"] = np.array([1, 133, length, 2])
        constants[f"{name}_flat"] = np.array([1, 133, 2 * length])
        constants[f"{name}_column"] = np.array([1, 133, length, 1])
        constants[f"{name}_scale"] = np.array(scale, np.float32)
        nodes += [
            node("ReduceMax", ["picture"], [f"{name}_profile"], axes=[axis], keepdims=0),
            node("Gather", [f"{name}_profile", "channels"], [f"{name}_points"], axis=1),
            node("Mul", [f"{name}_points", f"{name}_scale"], [f"{name}_scaled"]),
            node("Reshape", [f"{name}_scaled", f"{name}_column"], [f"{name}_columns"]),
            node("Expand", [f"{name}_columns", f"{name}_twice"], [f"{name}_pairs"]),
            node("Reshape", [f"{name}_pairs", f"{name}_flat"], [name]),
        ]
    return save(path, nodes, [1, 3, 384, 288], {"x": [1, 133, 576], "y": [1, 133, 768]}, constants)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model, Model]:
    folder = tmp_path_factory.mktemp("models")
    return folder, small_detector(folder / "detector.onnx"), small_pose(folder / "small_pose.onnx")


@pytest.fixture(scope="module")
def dwpose(models: tuple[Path, Model, Model]) -> DWPoseEstimator:
    folder, detector, pose = models
    return DWPoseEstimator(folder / detector.name, folder / pose.name, pose.sha256)


Colour = tuple[int, int, int]


def painted(height: int, width: int, ground: Colour, *squares: tuple[int, int, int, Colour]) -> np.ndarray:
    """A picture of squares (left, top, side, colour)."""
    picture = np.full((height, width, 3), ground, np.uint8)
    for left, top, side, colour in squares:
        picture[top : top + side, left : left + side] = colour
    return picture


@pytest.mark.parametrize(("height", "width"), [(640, 640), (320, 320), (320, 160), (160, 320)])
def test_people_lie_where_the_detector_says_and_dogs_are_none(dwpose: DWPoseEstimator, height: int, width: int) -> None:
    """The detector takes BGR: its first channel is blue."""
    scale = 640 / max(height, width)
    cell = round(32 / scale)
    picture = painted(height, width, GREY, (2 * cell, 3 * cell, cell, BLUE), (4 * cell, cell, cell, RED))
    (found,) = dwpose.people(picture)
    half = BOX / scale / 2
    expected = [2.5 * cell - half, 3.5 * cell - half, 2.5 * cell + half, 3.5 * cell + half]
    np.testing.assert_allclose(found[:4], expected / np.array([width, height, width, height]), atol=1e-6)
    assert found[4] == pytest.approx(1, abs=0.05)  # resizing softens the border
    assert found.dtype == np.float32


def test_people_come_best_first_within_the_picture_each_once(dwpose: DWPoseEstimator) -> None:
    sure, unsure, no_one = (0, 0, 200), (0, 0, 150), (0, 0, 60)
    corner, beside, far = (0, 0, 32, unsure), (352, 320, 32, sure), (96, 480, 32, no_one)
    boxes = dwpose.people(painted(640, 640, BLACK, corner, (320, 320, 32, BLUE), beside, far))
    np.testing.assert_allclose(boxes[:, 0] * 640, [336 - BOX / 2, 0], atol=1e-3)
    np.testing.assert_allclose(boxes[:, 4], [1, 150 / 255], atol=0.01)
    assert ((boxes[:, :4] >= 0) & (boxes[:, :4] <= 1)).all()
    assert dwpose.people(painted(64, 64, RED)).shape == (0, 5)


def test_boxes_are_those_of_rtmlib(dwpose: DWPoseEstimator, monkeypatch: pytest.MonkeyPatch) -> None:
    output = np.random.default_rng(0).random((1, 8400, 85)).astype(np.float32)
    output[..., 6:] = 0  # people only
    theirs = dwpose._detector.postprocess(output.copy(), ratio=2.0)  # scores above 0.7
    monkeypatch.setattr(dwpose._detector, "inference", lambda _: [output])
    ours = dwpose.people(painted(320, 320, GREY))
    ours = ours[ours[:, 4] > 0.7]
    assert len(ours) > 100
    np.testing.assert_allclose(ours[:, :4], (theirs / 320).clip(0, 1), atol=1e-5)


def test_points_lie_in_the_box_and_the_pose_network_sees_rgb(dwpose: DWPoseEstimator) -> None:
    """Point k follows channel k % 3 of what the network sees."""
    picture = painted(480, 360, BLACK, (100, 120, 9, RED), (200, 150, 9, GREEN), (160, 300, 9, BLUE))
    keypoints = dwpose.keypoints(picture, np.array([0.2, 0.2, 0.7, 0.8]))
    assert keypoints.shape == (128, 3)
    assert keypoints.dtype == np.float32
    red, green, blue = (np.array(place) / [360, 480] for place in ((104, 124), (204, 154), (164, 304)))
    nose, right_eye, left_eye = keypoints[0], keypoints[14], keypoints[15]  # 0, 2 and 1 of COCO
    np.testing.assert_allclose([nose[:2], left_eye[:2], right_eye[:2]], [red, green, blue], atol=0.02)
    by_channel = {0: red, 1: green, 2: blue}
    for part, first in ((FACE, 23), (LEFT_HAND, 91), (RIGHT_HAND, 112)):
        expected = [by_channel[(first + point) % 3] for point in range(part.stop - part.start)]
        np.testing.assert_allclose(keypoints[part, :2], expected, atol=0.02)


def test_confidence_is_the_lower_of_the_two_peaks(dwpose: DWPoseEstimator) -> None:
    picture = painted(480, 360, BLACK, (100, 120, 9, RED))
    keypoints = dwpose.keypoints(picture, np.array([0, 0, 1, 1, 0.9]))
    assert keypoints[0, 2] == pytest.approx(0.2 * (255 - 123.675) / 58.395, abs=0.01)
    assert not keypoints[14:16].any()  # nothing green, nothing blue: no peak above 0


def test_what_lies_outside_the_box_is_not_looked_at(dwpose: DWPoseEstimator) -> None:
    picture = painted(480, 360, BLACK, (10, 10, 9, RED), (200, 150, 9, (200, 0, 0)))
    keypoints = dwpose.keypoints(picture, np.array([0.4, 0.2, 0.7, 0.5]))
    np.testing.assert_allclose(keypoints[0, :2], np.array([204, 154]) / [360, 480], atol=0.02)


def test_the_body_is_that_of_the_largest_and_surest_person(dwpose: DWPoseEstimator) -> None:
    sure, unsure = (0, 0, 255), (0, 0, 110)
    picture = painted(640, 640, BLACK, (128, 128, 32, unsure), (448, 448, 32, sure))
    body = dwpose.body(picture)
    np.testing.assert_array_equal(body, dwpose.keypoints(picture, dwpose.people(picture)[0])[:18])
    assert body.any()
    assert body.dtype == np.float32
    nobody = dwpose.body(painted(64, 64, RED))
    assert nobody.shape == (18, 3)
    assert not nobody.any()


def test_name_and_provider_are_told(models: tuple[Path, Model, Model], capfd: pytest.CaptureFixture[str]) -> None:
    folder, detector, pose = models
    name = DWPoseEstimator(folder / detector.name, folder / pose.name, pose.sha256).name
    assert name == f"dwpose small_pose@{pose.sha256[:8]}"
    provider = next(name for name in onnxruntime.get_available_providers() if name[:3] in ("CUD", "CPU"))
    assert capfd.readouterr().out == f"{name} runs on {provider}\n"


def test_the_published_files_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline: the error names the file, where it is, and where to put it. rtmlib is never asked to download."""

    def forbidden(*_: object) -> None:
        raise AssertionError("rtmlib wanted to download")

    monkeypatch.setattr("rtmlib.tools.base.download_checkpoint", forbidden)
    with pytest.raises(InputError) as caught:
        estimator("dwpose", tmp_path / "none")
    for word in (
        "yolox_l.onnx",
        "dw-ll_ucoco_384.onnx",
        "--models",
        str(tmp_path / "none"),
        "huggingface.co/yzd-v/DWPose",
        "HUMANGEN_MODELS",
    ):
        assert word in str(caught.value)
    monkeypatch.setenv("HUMANGEN_MODELS", str(tmp_path / "elsewhere"))
    with pytest.raises(InputError, match="elsewhere"):
        estimator("dwpose")
    assert (DETECTOR.name, POSE.name) == ("yolox_l.onnx", "dw-ll_ucoco_384.onnx")


def test_a_missing_file_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model("some.onnx", hashlib.sha256(b"weights").hexdigest(), 7)
    calls = []

    def fetch(repository: str, name: str, *, local_dir: Path) -> None:
        calls.append((repository, name))
        local_dir.mkdir()
        (local_dir / name).write_bytes(b"weights")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    for _ in range(2):
        assert locate(model, tmp_path / "models") == tmp_path / "models" / "some.onnx"
    assert calls == [("yzd-v/DWPose", "some.onnx")]


@pytest.mark.parametrize("content", [b"weight", b"Weights"])
def test_another_file_of_that_name_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "some.onnx").write_bytes(content)
    with pytest.raises(InputError, match="not the published file"):
        locate(Model("some.onnx", hashlib.sha256(b"weights").hexdigest(), 7), tmp_path)


def test_a_missing_package_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "humangen.pose.dwpose", None)
    with pytest.raises(InputError, match="make setup"):
        estimator("dwpose")

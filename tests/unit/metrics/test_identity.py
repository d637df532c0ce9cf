"""Cosines of embeddings, and faces found, straightened and compared, with small networks of the published form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from humangen.metrics.identity import CosineSimilarity, DetectedFaces, FaceSimilarity
from humangen.metrics.identity_faces import TEMPLATE, ArcFace, decode, similarity
from humangen.metrics.registry import RECIPES
from humangen.report.columns import HIGHER, Column
from humangen.types import InputError
from tests.unit.metrics.test_frechet import Pixels, clips

CELLS = {stride: 2 * (640 // stride) ** 2 for stride in (8, 16, 32)}


def save(path: Path, nodes: list[onnx.NodeProto], side: int, outputs: dict[str, list[int]],
         constants: dict[str, np.ndarray]) -> Path:  # fmt: skip
    def value(name: str, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(nodes, "small", [value("picture", [1, 3, side, side])],
                              [value(name, shape) for name, shape in outputs.items()],
                              [numpy_helper.from_array(array, name) for name, array in constants.items()])  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> ArcFace:
    """A detector that sees, in the cell of stride 32 at column 9, row 7, a face with the template's landmarks, where
    the picture's corner is bright; an embedding that is the mean colour and 509 zeros."""
    folder = tmp_path_factory.mktemp("faces")
    node, outputs, constants, nodes = helper.make_node, {}, {}, []
    for what, width in (("score", 1), ("box", 4), ("points", 10)):
        for stride, cells in CELLS.items():
            constants[f"{what}_{stride}"] = np.zeros((cells, width), np.float32)
            outputs[f"out_{what}_{stride}"] = [cells, width]
    chosen = 2 * (7 * 20 + 9)
    constants["score_32"][chosen] = 1
    constants["box_32"][chosen] = 2
    constants["points_32"][chosen] = ((TEMPLATE - 56) / 32).reshape(-1)
    constants |= {"starts": np.zeros(4, np.int64), "ends": np.ones(4, np.int64), "one": np.array([1])}
    constants["unit"] = np.ones(1, np.float32)
    nodes.append(node("Slice", ["picture", "starts", "ends"], ["corner"]))
    nodes.append(node("Reshape", ["corner", "one"], ["light"]))
    for name in list(outputs):
        source = name.removeprefix("out_")
        nodes.append(node("Mul", [source, "light"] if "score" in name else [source, "unit"], [name]))
    detector = save(folder / "det.onnx", nodes, 640, outputs, constants)
    nodes = [node("GlobalAveragePool", ["picture"], ["pooled"]), node("Reshape", ["pooled", "flat"], ["colour"]),
             node("Concat", ["colour", "rest"], ["embedding"], axis=1)]  # fmt: skip
    constants = {"flat": np.array([1, 3]), "rest": np.zeros((1, 509), np.float32)}
    network = save(folder / "arc.onnx", nodes, 112, {"embedding": [1, 512]}, constants)
    return ArcFace(network, "0" * 64, detector, "1" * 64)


def pictures(*colours: tuple[float, float, float], corner: float = 1.0) -> Tensor:
    """Clips of one frame (K, 1, 3, 64, 64) of one colour each, with a corner that says whether there is a face."""
    frames = torch.tensor(colours)[:, None, :, None, None].expand(-1, 1, -1, 64, 64).clone()
    frames[..., :8, :8] = corner
    return frames


def test_the_cosine_of_embeddings() -> None:
    prediction, truth = clips(3), clips(3, seed=1)
    metric = CosineSimilarity(Pixels())
    metric.update(prediction, truth, keys=["a", "b", "c"])
    metric.update(prediction[:1], truth[:1], keys=["a"])  # a repeat
    one, other = (each.flatten(0, 1).flatten(1)[:, :6].double().numpy() for each in (prediction, truth))
    expected = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    score = metric.compute()
    assert score["value"] == pytest.approx(expected.mean(), rel=1e-9)
    assert score["samples"] == 12


def test_faces_are_compared_where_both_show_one(faces: ArcFace) -> None:
    metric = FaceSimilarity(faces)
    red, green = (1.0, -1.0, -1.0), (-1.0, 1.0, -1.0)
    metric.update(pictures(red, green), pictures(red, red), keys=["a", "b"])
    metric.update(pictures(red, corner=-1.0), pictures(red), keys=["c"])
    metric.update(pictures(red), pictures(red, corner=-1.0), keys=["d"])
    score = metric.compute()
    assert score["samples"] == 2
    assert score["value"] == pytest.approx((1 - 1 / 3) / 2, abs=0.02)  # of equal colours, and of red and green
    assert score["detection_rate"] == pytest.approx(2 / 3)
    assert score["note"] == "4 frames, 3 with a true face, 2 in both"
    assert "det@11111111" in score["network"]


def test_how_often_the_face_is_there_is_a_score_of_its_own(faces: ArcFace) -> None:
    red = (1.0, -1.0, -1.0)
    painted, truth = (torch.cat([pictures(red, corner=corner) for corner in corners], 1)
                      for corners in ([1.0, -1.0, -1.0, 1.0], [1.0, 1.0, -1.0, -1.0]))  # fmt: skip
    metric = DetectedFaces(faces)
    metric.update(painted, truth, keys=["a"])
    assert metric.compute()["value"] == metric.compute()["detection_rate"] == 0.5  # of the two with a true face
    assert metric.compute()["samples"] == 2
    assert RECIPES["arcface_detected"].files == RECIPES["arcface"].files
    assert Column.of("arcface_detected") == Column("arcface_detected", HIGHER, ".4f")


def test_the_faces_of_a_truth_are_looked_for_once(faces: ArcFace, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, look = [], faces._embedding
    monkeypatch.setattr(faces, "_embedding", lambda picture: looked.append(picture) or look(picture))
    truth, paintings = pictures((1, 0, 0)), [pictures((0, shade, 0)) for shade in (0.2, 0.4, 0.6)]
    for painted in paintings:
        for kind in (FaceSimilarity, DetectedFaces):
            kind(faces).update(painted, truth, keys=["a"])
    assert len(looked) == 1 + len(paintings)


def test_no_faces_are_no_score(faces: ArcFace) -> None:
    metric = FaceSimilarity(faces)
    metric.update(pictures((0, 0, 0), corner=-1.0), pictures((0, 0, 0), corner=-1.0), keys=["a"])
    score = metric.compute()
    assert np.isnan(score["value"])
    assert "detection_rate" not in score
    assert score["note"] == "no face was found in the truth"
    metric.update(pictures((0, 0, 0), corner=-1.0), pictures((0, 0, 0)), keys=["b"])
    assert metric.compute()["note"] == "no true face was found in what was painted"
    assert metric.compute()["detection_rate"] == 0


def test_boxes_and_landmarks_lie_in_their_cells() -> None:
    outputs = [np.zeros((cells, width), np.float32) for width in (1, 4, 10) for cells in CELLS.values()]
    cell = 2 * (3 * 40 + 5) + 1  # stride 16, row 3, column 5, the second anchor
    outputs[1][cell], outputs[4][cell], outputs[7][cell] = 0.9, [1, 2, 3, 4], [0.5] * 10
    scores, boxes, points = decode(outputs)
    assert scores.argmax() == CELLS[8] + cell
    np.testing.assert_allclose(boxes[scores.argmax()], [80 - 16, 48 - 32, 80 + 48, 48 + 64])
    np.testing.assert_allclose(points[scores.argmax()], [[88, 56]] * 5)


def test_faces_are_straightened_without_distortion() -> None:
    angle, scale, shift = 0.4, 1.7, np.array([30.0, -12.0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(similarity(TEMPLATE @ turn.T + shift, TEMPLATE)[:, :2] @ turn, np.eye(2), atol=1e-9)


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "arc.onnx").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"arc\.onnx cannot be read"):
        ArcFace(tmp_path / "arc.onnx", "0" * 64, tmp_path / "arc.onnx", "0" * 64)

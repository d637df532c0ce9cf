"""A network that was trained on views of the face is shown the face of the reference, and of the driver."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from humangen.checkpoint import CONFIG, WEIGHTS, load_sight
from humangen.data.dancers import render_clip
from humangen.data.framing import FaceFraming, Framing
from humangen.inference.focus import focused_driver, focused_reference
from humangen.inference.poses import KeypointPoses
from humangen.media import fit_box, fit_picture
from humangen.models.pretrained import SHIPPED
from humangen.pose.keypoints import FACE, VISIBLE, PoseFile
from humangen.types import InputError

HEIGHT, WIDTH, SIDE = 192, 144, 64
FACES, WHOLE = FaceFraming(height=SIDE, width=SIDE), Framing(height=SIDE, width=SIDE)
CLIP = render_clip(3, 3, 6, 8.0, HEIGHT, WIDTH)


def test_all_of_a_picture_is_fitted() -> None:
    found = focused_reference(CLIP.frames[0], CLIP.keypoints[0], WHOLE)
    np.testing.assert_array_equal(found.picture, fit_picture(CLIP.frames[0], SIDE, SIDE))
    expected = PoseFile(CLIP.keypoints[:1], size=(HEIGHT, WIDTH)).fitted(SIDE, SIDE)[0]
    np.testing.assert_array_equal(found.keypoints, expected)
    driver = KeypointPoses(CLIP.keypoints, SIDE, SIDE)
    assert focused_driver(driver, WHOLE) is driver
    assert not focused_reference(CLIP.frames[0], None, WHOLE).keypoints[:, 2].any(), "no point is seen without a pose"


@pytest.mark.parametrize("size", [(90, 201), (201, 90), (77, 64), (64, 64), (1, 900)])
def test_padding_is_cut_off_again(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = focused_reference(picture, None, WHOLE)
    top, left, height, width = fit_box(size, SIDE, SIDE)
    numbered = np.arange(SIDE * SIDE * 3).reshape(SIDE, SIDE, 3)
    shown = found.without_padding(np.stack([numbered, numbered]))
    assert shown.shape[1] == height - height % 2 or height == 1
    assert shown.shape[2] == width - width % 2 or width == 1
    np.testing.assert_array_equal(shown[1], numbered[top:, left:][: shown.shape[1], : shown.shape[2]])


def test_the_face_fills_the_reference_and_the_driver() -> None:
    found = focused_reference(CLIP.frames[0], CLIP.keypoints[0], FACES)
    assert found.picture.shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(found.without_padding(found.picture), found.picture, "a view has no padding")
    driver = focused_driver(KeypointPoses(CLIP.keypoints, 512, 512), FACES).keypoints
    for face in (found.keypoints[None, FACE], driver[:, FACE]):
        assert (face[..., 2] >= VISIBLE).mean() == (CLIP.keypoints[: len(face), FACE, 2] >= VISIBLE).mean()
        assert 0.3 < np.ptp(face[..., 0]) < 0.6, "in widths of the view, which the whole figure's face does not reach"


def test_a_reference_without_a_face_is_refused() -> None:
    with pytest.raises(InputError, match="views of the face, and the reference's pose shows none"):
        focused_reference(CLIP.frames[0], None, FACES)


def test_a_driver_without_a_face_is_refused() -> None:
    faceless = CLIP.keypoints.copy()
    faceless[:, FACE, 2] = 0
    with pytest.raises(InputError, match="views of the face, and the driver shows none"):
        focused_driver(KeypointPoses(faceless, 512, 512), FACES)


def test_a_checkpoint_says_what_its_network_sees(tmp_path: Path) -> None:
    """Also where the views are of another size than it was trained at; older ones saw all of a picture."""
    assert type(load_sight("shipped", 64, 48).framing) is Framing
    config = json.loads((SHIPPED["shipped"] / CONFIG).read_text())
    node = {"_target_": "humangen.data.framing.FaceFraming", "height": 512, "width": 512, "flip": 0.0}
    (tmp_path / CONFIG).write_text(json.dumps(config | {"framing": node}))
    (tmp_path / WEIGHTS).symlink_to(SHIPPED["shipped"] / WEIGHTS)
    framing = load_sight(tmp_path, 64, 48).framing
    assert type(framing) is FaceFraming
    assert (framing.height, framing.width) == (64, 48)

"""Faces drive faces: `experiment=face_reenactment` from weights in Stable Diffusion's layout to a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import train
from data_prep.sources.dancers import DancersSource
from humangen.cli.main import main as humangen
from humangen.data.dancers import render_clip
from humangen.data.framing import FaceFraming
from humangen.media import fit_picture, open_video, read_picture, write_picture
from humangen.pose.keypoints import FACE
from tests.smoke.test_train import TINY, configured
from tests.unit.published import tiny_pipeline_folder

pytestmark = pytest.mark.slow

SIDE, GAP, FRAMES, SIZE = 64, 4, 5, (192, 144)  # GAP: between the pictures of a sheet
PERSON, DRIVER = render_clip(3, 3, 1, 8.0, *SIZE), render_clip(4, 9, FRAMES, 8.0, *SIZE)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps on whole drawn dancers, whose keypoints have faces."""
    folder = tmp_path_factory.mktemp("face")
    DancersSource(people=4, held_out=1, height=SIZE[0], width=SIZE[1]).write(folder / "shards", workers=1)
    weights = tiny_pipeline_folder(folder / "sd15")
    tiny = [option for option in TINY if not option.startswith("model.")]
    options = [f"data.shards={folder / 'shards'}", f"model.pretrained={weights}", "trainer=cpu"]
    options += ["max_steps=2", "trainer.val_check_interval=2", "task.gradient_checkpointing=false"]
    train.run(configured("train", folder / "run", "experiment=face_reenactment", *tiny, *options))
    return folder / "run"


@pytest.fixture
def room(tmp_path: Path) -> Path:
    write_picture(tmp_path / "person.png", PERSON.frames[0])
    np.savez(tmp_path / "person.npz", keypoints=PERSON.keypoints)
    np.savez(tmp_path / "driver.npz", keypoints=DRIVER.keypoints)
    return tmp_path


def animate(run: Path, room: Path, *more: str) -> None:
    files = {"reference": "person.png", "reference-pose": "person.npz", "poses": "driver.npz", "output": "out.mp4"}
    words = [word for name, file in files.items() for word in (f"--{name}", str(room / file))]
    humangen(["animate", "--checkpoint", str(run), *words, *more])


def cells(sheet: Path) -> np.ndarray:
    """The pictures (rows, columns, SIDE, SIDE, 3) on a sheet."""
    pixels, pitch = read_picture(sheet)[GAP:, GAP:], SIDE + GAP
    return pixels.reshape(len(pixels) // pitch, pitch, -1, pitch, 3).swapaxes(1, 2)[:, :, :SIDE, :SIDE]


def breadth(drawn: np.ndarray) -> float:
    """Of what is drawn on black (SIDE, SIDE, 3), in widths of the picture."""
    return np.ptp(drawn.any((0, 2)).nonzero()[0]) / SIDE


def test_the_network_is_shown_the_faces_of_both(run: Path, room: Path) -> None:
    animate(run, room, "--no-align")
    assert len(open_video(room / "out.mp4")) == FRAMES
    painted, poses = cells(room / "out.sheet.png")
    assert painted.shape[0] == poses.shape[0] == 1 + FRAMES
    framing = FaceFraming(height=SIDE, width=SIDE)
    view = framing(*SIZE, np.random.default_rng(0), framing.focus(None, PERSON.keypoints))
    np.testing.assert_array_equal(painted[0], view.picture(PERSON.frames[0]))
    assert (painted[0] != fit_picture(PERSON.frames[0], SIDE, SIDE)).any()
    for drawn in poses:
        assert (drawn == drawn[..., :1]).all(), "points of faces are white, and limbs are not"
        assert 0.35 < breadth(drawn) < 0.6


def test_the_driver_may_take_the_proportions_of_the_reference(run: Path, room: Path) -> None:
    animate(run, room, "--frames", "2")
    assert len(open_video(room / "out.mp4")) == 2
    rows = cells(room / "out.sheet.png")
    assert len(rows) == 3  # the driver as it was in the last
    assert (rows[1, 1] != rows[2, 1]).any()
    assert 0.35 < breadth(rows[1, 1]) < 0.6


def test_a_driver_without_a_face_is_refused(run: Path, room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faceless = DRIVER.keypoints.copy()
    faceless[:, FACE, 2] = 0
    np.savez(room / "driver.npz", keypoints=faceless)
    with pytest.raises(SystemExit) as stop:
        animate(run, room)
    assert stop.value.code == 2
    assert "the network sees views of the face, and the driver shows none" in capsys.readouterr().err
    assert not (room / "out.mp4").exists()

"""What `humangen tryon` tells of people whom it can paint, but not as well as others."""

from __future__ import annotations

from pathlib import Path

import pytest

from humangen.media import read_picture
from tests.smoke.test_tryon_cli import checkpoint, room, tryon  # noqa: F401


def test_a_person_smaller_than_the_model_is_told(room: Path, checkpoint: Path, capsys: pytest.CaptureFixture) -> None:  # noqa: F811
    assert tryon(room, checkpoint, pose=room) == 0
    told = capsys.readouterr().err.splitlines()
    small = f"{room}/person/clara.png is 75x64, smaller than the model's 128x128"
    assert told == [f"note: {small}: it is enlarged to be painted, and comes out in its own size"]
    assert read_picture(room / "out" / "clara+red.png").shape == (64, 75, 3)
    assert tryon(room, checkpoint, pose=room, size=(64, 64), output=room / "small") == 0
    assert "enlarged" not in capsys.readouterr().err


def test_a_pose_that_is_missing_is_told_once(room: Path, checkpoint: Path, capsys: pytest.CaptureFixture) -> None:  # noqa: F811
    """With what makes one; nothing is told where there is one, or where nothing is left to paint."""
    assert tryon(room, checkpoint) == 0
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "--pose" in line]
    assert told.startswith("note: there is no --pose: in training the network always had the person's pose")
    assert "python -m data_prep pose --input me.jpg --output me.npz" in told
    for output, pose in (("out", None), ("posed", room)):
        assert tryon(room, checkpoint, output=room / output, pose=pose) == 0
        assert "no --pose" not in capsys.readouterr().err

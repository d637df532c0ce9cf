"""Keypoints of one file, for animating with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_prep.__main__ import main
from humangen.media import open_video, write_picture, write_video
from humangen.pose.keypoints import load_pose_file
from tests.unit.tiny import REAL


def pose(monkeypatch: pytest.MonkeyPatch, source: Path, output: Path) -> int:
    monkeypatch.setattr("sys.argv", ["data_prep", "pose", "--input", str(source), "--output", str(output)])
    return main()


@pytest.mark.skipif(not REAL.is_dir(), reason="no real pictures here")
def test_a_picture_and_a_video_of_it_have_the_same_keypoints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    frame = open_video(REAL / "ubcfashion/test/ubc.mp4").frames([30])[0]
    write_picture(tmp_path / "one.png", frame)
    write_video(tmp_path / "two.mp4", [frame, frame], 12.5)
    for name in ("one.png", "two.mp4"):
        assert pose(monkeypatch, tmp_path / name, tmp_path / f"{name}.npz") == 0
    one, two = (load_pose_file(tmp_path / f"{name}.npz") for name in ("one.png", "two.mp4"))
    assert one.size == two.size == frame.shape[:2]
    assert (one.fps, two.fps) == (None, 12.5)
    assert (len(one.keypoints), len(two.keypoints)) == (1, 2)
    seen = one.keypoints[0, :18, 2] > 0.5
    assert seen.sum() > 12
    assert np.abs(one.keypoints[0, :18, :2] - two.keypoints[1, :18, :2])[seen].mean() < 0.01


@pytest.mark.parametrize(
    ("name", "output", "sentence"),
    [("absent.png", "pose.npz", "no picture or video at"), ("empty.png", "pose.npz", "finds nobody"),
     ("empty.png", "pose.txt", "must end in .npz"), ("text.mp4", "pose.npz", "text.mp4")],
)  # fmt: skip
def test_what_has_nobody_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    name: str,
    output: str,
    sentence: str,
) -> None:
    write_picture(tmp_path / "empty.png", np.full((64, 64, 3), 90, np.uint8))
    (tmp_path / "text.mp4").write_text("not a video")
    assert pose(monkeypatch, tmp_path / name, tmp_path / output) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / output).exists()

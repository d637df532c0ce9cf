"""An exported folder does what its checkpoint does."""

from __future__ import annotations

from pathlib import Path

import pytest

from humangen.cli.main import main as humangen
from humangen.media import open_video


def test_export_then_animate(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    humangen(["dancers", "--output", str(tmp_path / "dancer"), "--frames", "2"])
    humangen(["export", "--checkpoint", "shipped", "--output", str(tmp_path / "exported")])
    assert f"--checkpoint {tmp_path}/exported" in capsys.readouterr().out
    for name, checkpoint in (("one", "shipped"), ("two", str(tmp_path / "exported"))):
        reference, poses, output = (str(tmp_path / path) for path in ("dancer/reference.png", "dancer/dance.npz", name))
        humangen(["animate", "--checkpoint", checkpoint, "--reference", reference, "--poses", poses,
                  "--output", f"{output}.mp4"])  # fmt: skip
    assert len(open_video(tmp_path / "one.mp4")) == 2
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_an_export_over_another_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(SystemExit) as stop:
        humangen(["export", "--checkpoint", "shipped", "--output", str(tmp_path)])
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"error: {tmp_path} is there already: remove it, or choose another folder\n"

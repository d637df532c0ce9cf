"""What an estimator lacks is told once, before a preparation begins."""

from __future__ import annotations

import sys
from pathlib import Path

import huggingface_hub
import pytest

from data_prep.__main__ import main
from humangen.pose.estimators import estimator, make_ready
from humangen.types import InputError


def test_a_preparation_without_the_files_ends_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def offline(repository: str, name: str, **_: object) -> None:
        asked.append(name)
        raise OSError("offline")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    for number in range(3):
        (tmp_path / "in" / f"{number}").mkdir(parents=True)
        (tmp_path / "in" / f"{number}" / "clip.mp4").write_bytes(b"whatever")
    words = "data_prep videos --pose dwpose --workers 1".split()
    places = "--input", tmp_path / "in", "--output", tmp_path / "out", "--models", tmp_path / "none"
    monkeypatch.setattr(sys, "argv", [*words, *map(str, places)])
    assert main() == 2
    told = capsys.readouterr().err
    assert told.count("error:") == len(asked) == 1
    assert told.count(".onnx: download both") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "package"), [("dwpose", "rtmlib"), ("mediapipe", "humangen.pose.mediapipe")])
def test_a_missing_package_is_told_before_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match="make setup"):
        make_ready(name)
    make_ready("own")
    make_ready(None)


def test_estimators_have_names() -> None:
    with pytest.raises(InputError, match="no pose estimator openpose; there are mediapipe, dwpose"):
        estimator("openpose")

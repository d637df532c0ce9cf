"""The commands on good and on bad input, as a user types them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from humangen.cli.main import main as humangen
from humangen.media import open_video, read_picture

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dancer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dancer")
    humangen(["dancers", "--output", str(folder), "--frames", "3"])
    return folder


def animate(folder: Path, output: Path, **changes: str) -> None:
    options = {
        "reference": f"{folder}/reference.png",
        "reference-pose": f"{folder}/reference.npz",
        "poses": f"{folder}/dance.npz",
        "output": str(output),
        "steps": "2",
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    humangen(["animate", *(part for name, value in options.items() for part in (f"--{name}", value))])


def test_animate_with_the_shipped_weights(dancer: Path, tmp_path: Path) -> None:
    animate(dancer, tmp_path / "out.mp4")
    reader = open_video(tmp_path / "out.mp4")
    assert len(reader) == 3
    assert reader.frames([0]).shape == (1, 128, 128, 3)
    assert read_picture(tmp_path / "out.png").shape[1] > 4 * 128


def test_a_video_in_another_precision(dancer: Path, tmp_path: Path) -> None:
    sheets = []
    for precision in ("float32", "bfloat16"):
        animate(dancer, tmp_path / f"{precision}.mp4", precision=precision, frames="1")
        sheets.append(read_picture(tmp_path / f"{precision}.png").astype(int))
    assert 0 < np.abs(sheets[0] - sheets[1]).max() < 16


@pytest.mark.parametrize("mode", ["RGBA", "L", "exif"])
def test_references_of_any_size_and_mode(dancer: Path, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "reference.png"
    picture = Image.open(dancer / "reference.png").resize((90, 201))
    if mode == "exif":
        exif = picture.getexif()
        exif[0x0112] = 6
        picture.save(path, exif=exif)
    else:
        picture.convert(mode).save(path)
    animate(dancer, tmp_path / "out.mp4", reference=str(path), frames="2")
    assert len(open_video(tmp_path / "out.mp4")) == 2


def test_a_dancer_seed_and_a_pose_video_drive_too(dancer: Path, tmp_path: Path) -> None:
    animate(dancer, tmp_path / "seed.mp4", poses="dancer:5", frames="2")
    animate(dancer, tmp_path / "video.mp4", poses=str(tmp_path / "seed.mp4"))
    assert len(open_video(tmp_path / "video.mp4")) == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"reference": "nowhere.png"}, "no picture at nowhere.png"),
        ({"poses": "nowhere.npz"}, "no pose file at nowhere.npz"),
        ({"poses": "nowhere.mp4"}, "no video at nowhere.mp4"),
        ({"poses": "dancer:x"}, "needs a number"),
        ({"poses": "dance.txt"}, "is no pose source"),
        ({"checkpoint": "nowhere"}, "no checkpoint at nowhere"),
        ({"solver": "magic"}, "no solver 'magic'"),
        ({"size": "100"}, None),
    ],
)
def test_bad_input_is_one_sentence(
    dancer: Path, tmp_path: Path, capsys: pytest.CaptureFixture, changes: dict, sentence: str | None
) -> None:
    output = tmp_path / "out.mp4"
    output.write_bytes(b"kept")
    with pytest.raises(SystemExit) as stop:
        animate(dancer, output, **changes)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    if sentence:
        assert sentence in error
        assert error.startswith("error: ")
        assert error.count("\n") == 1
    assert output.read_bytes() == b"kept"


def test_an_empty_pose_file(dancer: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    np.savez(tmp_path / "empty.npz", keypoints=np.zeros((0, 128, 3), np.float32))
    with pytest.raises(SystemExit) as stop:
        animate(dancer, tmp_path / "out.mp4", poses=str(tmp_path / "empty.npz"))
    assert stop.value.code == 2
    assert "holds no frame" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model.typo=3"], "typo"),
        (["data.shards=/nowhere"], "no shards in /nowhere/train"),
    ],
)
def test_train_says_what_is_wrong(tmp_path: Path, overrides: list[str], sentence: str) -> None:
    command = [sys.executable, "train.py", f"hydra.run.dir={tmp_path}/run", *overrides]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("word", "told"), [("memory=null", "~memory"), ("protocol=nowhere", "protocol/nowhere"), ("memorry=3", "memorry")]
)
def test_a_configuration_that_does_not_compose_is_one_sentence(word: str, told: str) -> None:
    done = subprocess.run([sys.executable, "train.py", word], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1

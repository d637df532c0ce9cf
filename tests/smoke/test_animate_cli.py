"""What `humangen animate` refuses before it paints, and what it says beside."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from humangen.cli.main import main as humangen
from humangen.diffusion.guidance import check_guidance
from humangen.inference.animate import stream
from humangen.media import open_video, read_picture, write_picture
from humangen.models.pretrained import SHIPPED
from humangen.types import InputError

SIDE = 32


@pytest.fixture(scope="module")
def dancer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dancer")
    humangen(["dancers", "--output", str(folder), "--frames", "2"])
    return folder


@pytest.fixture
def room(dancer: Path, tmp_path: Path) -> Path:
    """A folder of one's own files."""
    for name in ("reference.png", "reference.npz", "dance.npz"):
        (tmp_path / name).write_bytes((dancer / name).read_bytes())
    return tmp_path


@pytest.fixture
def unpainted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("painting began")

    monkeypatch.setattr("humangen.cli.animate.stream", refused)


def animate(room: Path, **changes: object) -> int:
    """The exit code."""
    options = {
        "reference": room / "reference.png",
        "reference-pose": room / "reference.npz",
        "poses": room / "dance.npz",
        "output": room / "out.mp4",
        "size": (SIDE, SIDE),
        "steps": 1,
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    words = ["animate"]
    for name, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        words += [] if value is None else [f"--{name}", *map(str, values)]
    try:
        humangen(words)
    except SystemExit as stop:
        return int(str(stop.code))
    return 0


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_nothing_that_is_read_is_written_over(room: Path, unpainted: None, capsys: pytest.CaptureFixture) -> None:
    (room / "me.sheet.png").write_bytes((room / "reference.png").read_bytes())
    os.link(room / "me.sheet.png", room / "linked.png")
    (room / "video.mp4").symlink_to(room / "reference.npz")
    before = contents(room)
    for changes in (
        {"reference": room / "me.sheet.png", "output": room / "me.mp4"},
        {"reference": room / "linked.png", "output": room / "." / "me.mp4"},
        {"output": room / "video.mp4"},
    ):
        assert animate(room, **changes) == 2
        assert "is one of the files to read, and would be lost" in capsys.readouterr().err
    assert contents(room) == before


def test_a_driver_is_not_replaced_by_what_it_drives(room: Path, capsys: pytest.CaptureFixture) -> None:
    assert animate(room, output=room / "dance.mp4") == 0
    before = contents(room)
    assert animate(room, poses=room / "dance.mp4", output=room / "dance.mp4") == 2
    assert "dance.mp4 is one of the files to read" in capsys.readouterr().err
    assert contents(room) == before


def test_a_picture_beside_the_video_stays(room: Path) -> None:
    before = contents(room)
    assert animate(room, output=room / "reference.mp4") == 0
    after = contents(room)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"reference.mp4", "reference.sheet.png"}


def test_where_nothing_can_be_written_nothing_is_painted(
    room: Path, unpainted: None, capsys: pytest.CaptureFixture
) -> None:
    (room / "folder.mp4").mkdir()
    for output, told in (("reference.png/out.mp4", "cannot be written: "), ("folder.mp4", "is a folder: name a file")):
        assert animate(room, output=room / output) == 2
        assert told in capsys.readouterr().err


def test_a_folder_is_made(room: Path) -> None:
    assert animate(room, output=room / "new" / "one" / "out.mp4") == 0
    assert len(open_video(room / "new" / "one" / "out.mp4")) == 2


def test_a_reference_without_its_pose_is_told(room: Path, capsys: pytest.CaptureFixture) -> None:
    assert animate(room, frames=1) == 0
    assert capsys.readouterr().err == ""
    assert animate(room, reference_pose=None, frames=1) == 0
    (note,) = capsys.readouterr().err.splitlines()
    assert note.startswith("note: without --reference-pose the network is not told the pose")
    assert note.endswith(f"python -m data_prep pose --input {room}/reference.png --output {room}/reference.npz")


@pytest.mark.parametrize(("frames", "count"), [(1, 0), (2, 1)])
def test_temporal_layers_that_do_nothing_are_told(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, frames: int, count: int
) -> None:
    from humangen.cli import animate as command

    whole = command.pipeline_of

    def stage_one(options: object) -> object:
        pipeline = whole(options)  # type: ignore[arg-type]
        for name, parameter in pipeline.denoiser.named_parameters():
            if ".motion_modules." in name and ".proj_out." in name:
                torch.nn.init.zeros_(parameter)
        return pipeline

    monkeypatch.setattr(command, "pipeline_of", stage_one)
    assert animate(room, frames=frames) == 0
    notes = capsys.readouterr().err.splitlines()
    assert len(notes) == count
    assert all("change nothing yet" in note and "stage=motion init=RUN" in note for note in notes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"size": (0, 0)}, "0 is not a positive number"),
        ({"size": (-8, 8)}, "-8 is not a positive number"),
        ({"size": (100, 100)}, "multiples of 8"),
        ({"size": (8, 8), "poses": "dancer:3"}, "needs at least 32 pixels"),
        ({"fps": "inf"}, "inf is not a positive number"),
        ({"device": "foo"}, "'foo' is no device: this machine has cpu"),
        ({"device": "meta"}, "no device meta"),
        ({"device": "cuda:99"}, "no device cuda:99"),
        ({"guidance": "nan"}, "nan is no guidance"),
        ({"guidance": "inf"}, "inf is no guidance"),
        ({"guidance": "-1"}, "-1 is no guidance"),
        ({"guidance": "x"}, "x is no guidance"),
        ({"seed": -1}, "-1 is no seed"),
        ({"seed": 2**63}, "is no seed: those are the whole numbers from 0 to 9223372036854775807"),
        ({"moved": "/weights"}, "'/weights' is no OLD:NEW"),
        ({"graphs": (), "device": "cpu"}, "--graphs records CUDA graphs, and --device is cpu"),
    ],
)
def test_numbers_that_cannot_be(
    room: Path, unpainted: None, capsys: pytest.CaptureFixture, changes: dict, told: str
) -> None:
    assert animate(room, **changes) == 2
    error = capsys.readouterr().err
    assert told in error.splitlines()[-1]
    assert "error: " in error.splitlines()[-1]
    assert not (room / "out.mp4").exists()


@pytest.mark.parametrize("command", ["tryon", "leaks"])
@pytest.mark.parametrize("words", [["--device", "foo"], ["--guidance", "nan"], ["--seed", "-1"], ["--size", "0", "8"]])
def test_the_other_commands_that_paint_refuse_them_too(
    capsys: pytest.CaptureFixture, command: str, words: list[str]
) -> None:
    files = ["--person", "a.png", "--garment", "b.png", "--mask", "c.png", "--output", "out.png"]
    with pytest.raises(SystemExit) as stop:
        humangen([command, *files, *words])
    assert stop.value.code == 2
    assert f"argument {words[0]}: " in capsys.readouterr().err


def test_a_pose_of_another_picture_is_refused(room: Path, unpainted: None, capsys: pytest.CaptureFixture) -> None:
    keypoints = np.load(room / "dance.npz")["keypoints"]
    np.savez(room / "three.npz", keypoints=np.concatenate([keypoints, keypoints[:1]]))
    np.savez(room / "wide.npz", keypoints=keypoints[:1], size=(128, 256))
    for name, told in (("three", "holds 3 frames: a picture has one"), ("wide", "was seen in a picture of 256x128")):
        assert animate(room, reference_pose=room / f"{name}.npz") == 2
        assert told in capsys.readouterr().err


def test_the_video_is_the_part_that_the_reference_fills(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is painted beside a tall picture is no part of the mp4, and what is on it is all there."""
    write_picture(room / "tall.png", np.full((120, 60, 3), 200, np.uint8))
    sides = torch.full((1, 2, 3, SIDE, SIDE), -1.0)
    sides[..., SIDE // 4 : SIDE * 3 // 4] = 1

    def painted(*arguments: object, **options: object) -> object:
        next(iter(stream(*arguments, **options)))  # type: ignore[arg-type]
        yield sides

    monkeypatch.setattr("humangen.cli.animate.stream", painted)
    assert animate(room, reference=room / "tall.png") == 0
    frames = open_video(room / "out.mp4").frames([0, 1])
    assert frames.shape == (2, SIDE, SIDE // 2, 3)
    assert frames.min() > 250
    assert read_picture(room / "out.sheet.png").shape[1] == 3 * (SIDE // 2 + 4) + 4


@pytest.mark.parametrize(("wanted", "used"), [(None, 2.5), (1.5, 1.5)])
def test_guidance_is_the_checkpoints_own(
    room: Path, monkeypatch: pytest.MonkeyPatch, wanted: float | None, used: float
) -> None:
    folder, seen = room / "weights", []
    shutil.copytree(SHIPPED["shipped"], folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"guidance": 2.5}))

    def watched(*arguments: object, **options: object) -> object:
        seen.append(options["guidance"])
        return stream(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("humangen.cli.animate.stream", watched)
    assert animate(room, checkpoint=folder, guidance=wanted, frames=1) == 0
    assert seen == [used]


def test_guidance_is_a_number() -> None:
    assert [check_guidance(scale) for scale in (0, 1, 7.5)] == [0, 1, 7.5]
    for scale in (float("nan"), float("inf"), -0.1):
        with pytest.raises(InputError, match="guidance is"):
            check_guidance(scale)

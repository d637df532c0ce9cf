"""`humangen tryon --overwrite` writes over what it has painted, and over nothing that it reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from humangen.cli.main import main as humangen
from humangen.inference.finished import settings_of
from humangen.media import read_picture, write_picture
from tests.smoke.test_tryon_cli import checkpoint, room, single, tryon  # noqa: F401


@pytest.mark.parametrize("name", ["person/anna.png", "garment/red.png", "mask/anna_mask.png"])
def test_what_is_read_is_never_written_over(
    room: Path,  # noqa: F811
    checkpoint: Path,  # noqa: F811
    capsys: pytest.CaptureFixture,
    name: str,
) -> None:
    before = (room / name).read_bytes()
    assert single(room, checkpoint, output=room / name, overwrite=True) == 2
    assert f"{name} is one of the files to read, and would be lost" in capsys.readouterr().err
    assert (room / name).read_bytes() == before


def test_no_person_of_a_list_is_written_over(
    room: Path,  # noqa: F811
    checkpoint: Path,  # noqa: F811
    capsys: pytest.CaptureFixture,
) -> None:
    """By what is painted of another; the others go on."""
    other = room / "person" / "anna+red.png"
    write_picture(other, read_picture(room / "person" / "anna.png"))
    before = other.read_bytes()
    (room / "pairs.txt").write_text("anna.png red.png\nanna+red.png red.png\n")
    files = {"pairs": room / "pairs.txt", "mask": None, "rectangle": (20, 40, 70, 120)}
    assert tryon(room, checkpoint, **files, output=room / "person", overwrite=True) == 2
    assert "pairs.txt line 1: --output" in capsys.readouterr().err
    assert other.read_bytes() == before
    assert (room / "person" / "anna+red+red.png").is_file()


def test_guidance_is_the_checkpoints_own(room: Path, checkpoint: Path) -> None:  # noqa: F811
    """And what is painted says which it was; the leak check too."""
    folder = room / "weights"
    shutil.copytree(checkpoint, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"guidance": 2.5}))
    for wanted, used in ((None, 2.5), (1.5, 1.5)):
        options = {"size": (64, 64), "guidance": wanted, "output": room / f"{used}.png"}
        assert single(room, folder, **options) == 0
        assert (settings_of(room / f"{used}.png") or {})["guidance"] == used
    assert (read_picture(room / "2.5.png") != read_picture(room / "1.5.png")).any()
    files = {"person": "person/anna.png", "garment": "garment/red.png", "mask": "mask/anna_mask.png"}
    words = [word for name, file in files.items() for word in (f"--{name}", str(room / file))]
    words += ["--checkpoint", str(folder), "--steps", "1", "--size", "64", "64", "--output", str(room / "leaks.json")]
    humangen(["leaks", *words])
    assert json.loads((room / "leaks.json").read_text())["guidance"] == 2.5

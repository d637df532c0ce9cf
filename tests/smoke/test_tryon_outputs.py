"""`humangen tryon --overwrite` writes over what it has painted, and over nothing that it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

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

"""`humangen weights`, as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from humangen.cli.main import main as humangen
from humangen.metrics.registry_files import FILES


def test_the_list_names_every_file_and_its_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "i3d_torchscript.pt").write_bytes(b"not it")
    humangen(["weights", "--folder", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    rows = {name: next(line for line in lines if f" {name} " in line) for name in FILES}
    assert "missing" in rows["inception"]
    assert "95,628,359" in rows["inception"]
    assert "wrong sha256" in rows["i3d"]
    assert "here" in rows["dancers"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fetch"], "say which file to fetch"),
        (["fetch", "resnet3d"], "cannot be fetched by a program"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        humangen(["weights", *words, "--folder", str(tmp_path)])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

"""Half a checkpoint never stands where a whole one stood, and is never taken for one."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from humangen import checkpoint_files
from humangen.checkpoint import find
from humangen.checkpoint_files import newest, read, remove_leftovers, write
from humangen.cli.main import main as humangen
from humangen.types import InputError


def content(step: int) -> dict[str, Any]:
    weights = {"network.weight": torch.full((5000,), float(step))}
    return {"global_step": step, "state_dict": weights, "hyper_parameters": {"pipeline": None}}


def test_a_save_that_fails_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ckpt"
    write(content(1), path)

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint_files.os, "fsync", full)
    with pytest.raises(InputError, match=r"a\.ckpt could not be written: .*No space left"):
        write(content(2), path)
    assert read(path)["global_step"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_save_that_is_killed_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 when the new file's bytes are all written, and have no name yet."""
    path = tmp_path / "a.ckpt"
    write(content(1), path)
    monkeypatch.setattr(checkpoint_files.os, "fsync", lambda number: os.kill(os.getpid(), signal.SIGKILL))
    child = os.fork()
    if not child:
        try:
            write(content(2), path)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    assert read(path)["global_step"] == 1
    assert newest(tmp_path) == path
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder whose newest file breaks off; the names say nothing of the order."""
    for name, step in (("step=00000005", 5), ("best", 6), ("step=00000007", 7)):
        write(content(step), tmp_path / "checkpoints" / f"{name}.ckpt")
    return tmp_path


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "flipped":
        middle = data.index(torch.full((9,), 7.0).numpy().tobytes())
        data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    path.write_bytes({"half": data[: len(data) // 2], "last byte": data[:-1], "empty": b""}.get(how, data))


@pytest.mark.parametrize("how", ["half", "last byte", "empty"])
def test_an_older_one_is_taken_and_that_is_said(run: Path, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert find(run).name == "step=00000007.ckpt"
    assert not capsys.readouterr().err
    damage(run / "checkpoints" / "step=00000007.ckpt", how)
    assert find(run).name == "best.ckpt"
    told = capsys.readouterr().err
    assert "step=00000007.ckpt is incomplete: it breaks off after" in told
    assert "best.ckpt is taken instead, of step 6" in told
    for path in (run / "checkpoints").iterdir():
        damage(path, "half")
    with pytest.raises(InputError, match="holds no checkpoint that can be used"):
        find(run)


def test_the_youngest_run_of_a_folder_of_runs(run: Path, tmp_path: Path) -> None:
    write(content(2), tmp_path / "other" / "checkpoints" / "step=00000002.ckpt")
    assert find(tmp_path) == tmp_path / "other" / "checkpoints" / "step=00000002.ckpt"


@pytest.mark.parametrize(("how", "sentence"), [("half", "is incomplete: it breaks off"), ("flipped", "is damaged")])
def test_inspect_says_what_is_wrong(run: Path, how: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "checkpoints" / "step=00000007.ckpt"
    humangen(["checkpoint", "inspect", str(path)])
    assert "step: 7" in capsys.readouterr().out
    damage(path, how)
    with pytest.raises(SystemExit) as stop:
        humangen(["checkpoint", "inspect", str(path)])
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err

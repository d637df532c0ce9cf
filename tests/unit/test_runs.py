"""The same command in the same folder goes on; another command in it is refused; nothing is written over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from humangen import runs
from humangen.checkpoint_files import write
from humangen.types import InputError


def configured(folder: Path, **changes: Any) -> dict[str, Any]:
    task = {"optimizer": {"lr": 0.1}, "seed": 0}
    return {
        "run_dir": str(folder),
        "resume": None,
        "max_steps": 10,
        "task": task,
        "data": {"shards": "data/mine", "num_workers": 1},
        "trainer": {"precision": 32},
    } | changes


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A run that stopped at step 4."""
    return stopped(tmp_path / "run")


def stopped(folder: Path, **changes: Any) -> Path:
    runs.note(configured(folder, **changes))
    content = {"global_step": 4, "state_dict": {"a": torch.zeros(1)}, "hyper_parameters": {}}
    write(content, folder / "checkpoints" / "step=00000004.ckpt")
    return folder


def test_the_same_command_goes_on(begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = begun / "checkpoints" / "step=00000004.ckpt"
    assert runs.going_on(configured(begun)) == found
    assert "goes on from step 4 of 10" in capsys.readouterr().out
    assert runs.going_on(configured(begun, resume=str(begun))) == found
    assert runs.going_on(configured(begun, max_steps=20, trainer={"precision": 16})) == found
    assert runs.going_on(configured(begun, data={"shards": "data/mine", "num_workers": 4, "patience": 9})) == found


def test_a_run_below_it_is_another_one(begun: Path) -> None:
    content = {"global_step": 99, "state_dict": {"a": torch.zeros(1)}, "hyper_parameters": {}}
    write(content, begun / "stage2" / "checkpoints" / "step=00000099.ckpt")
    assert runs.going_on(configured(begun)) == begun / "checkpoints" / "step=00000004.ckpt"


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path) -> None:
    with runs.held(tmp_path / "run"):
        with pytest.raises(InputError, match="another process trains in"), runs.held(tmp_path / "run"):
            raise AssertionError
    with runs.held(tmp_path / "run"):
        pass


def test_a_folder_without_a_checkpoint_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs.going_on(configured(tmp_path)) is None
    assert not capsys.readouterr().out
    runs.note(configured(tmp_path, task={}))  # it crashed before its first save
    assert runs.going_on(configured(tmp_path, resume=str(tmp_path / "." / ""))) is None
    assert f"{tmp_path} holds no checkpoint yet: training begins" in capsys.readouterr().out


def test_another_run_goes_into_another_folder(begun: Path) -> None:
    other = configured(begun, task={"optimizer": {"lr": 0.2}, "seed": 0})
    with pytest.raises(InputError, match=r"another configuration \(task.optimizer.lr: 0.1 -> 0.2\): give another"):
        runs.going_on(other)
    elsewhere = {**other, "run_dir": str(begun.with_name("new"))}
    assert runs.going_on({**elsewhere, "resume": str(begun)}) == begun / "checkpoints" / "step=00000004.ckpt"


def test_a_folder_that_holds_another_run_is_not_written_over(begun: Path, tmp_path: Path) -> None:
    write({"state_dict": {}, "hyper_parameters": {}, "global_step": 1}, tmp_path / "old" / "checkpoints" / "last.ckpt")
    with pytest.raises(InputError, match=r"another configuration \(resume: None -> .*old\)"):
        runs.going_on(configured(begun, resume=str(tmp_path / "old")))
    with pytest.raises(InputError, match=r"no run\.json that says of what run"):
        runs.going_on(configured(tmp_path / "old"))


def test_a_run_that_went_on_from_another_goes_on_from_itself(tmp_path: Path) -> None:
    begun = stopped(tmp_path / "run", resume="runs/before")
    found = begun / "checkpoints" / "step=00000004.ckpt"
    for resume in (None, str(begun), "runs/before"):
        assert runs.going_on(configured(begun, resume=resume)) == found
        runs.note(configured(begun, resume=resume))  # which keeps what it began with


def test_a_run_that_is_done_has_nothing_to_go_on_with(begun: Path) -> None:
    with pytest.raises(InputError, match="is at step 4, and max_steps=4: nothing is left to train"):
        runs.going_on(configured(begun.with_name("new"), resume=str(begun), max_steps=4))
    assert runs.going_on(configured(begun, max_steps=4))  # there it may still be scored

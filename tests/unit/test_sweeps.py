"""A job is done once, by one process at a time, and says how it stands."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from humangen.cli.errors import reported
from humangen.report.runs import find_runs
from humangen.sweeps import JOB, PLAN, Job, check_alone, ended, failures, held, not_begun, plan, write
from humangen.types import InputError
from tests.unit.report.made_up import result


def never() -> float:
    raise AssertionError("done again")


def job(folder: Path, **changes: Any) -> Job:
    folder.mkdir(parents=True, exist_ok=True)
    config = {"run_dir": str(folder), "seed": 1, "callbacks": {"at": f"{folder}/checkpoints"}, **changes}
    return Job(folder, config, [f"seed={config['seed']}"])


def state(folder: Path) -> str:
    return json.loads((folder / JOB).read_text())["state"]


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    assert job(tmp_path).do(lambda: 0.5) == 0.5
    assert job(tmp_path).do(never) == 0.5


def test_it_is_the_same_job_wherever_its_folder_lies(tmp_path: Path) -> None:
    job(tmp_path / "here").do(lambda: 0.5)
    (tmp_path / "here").rename(tmp_path / "there")
    assert job(tmp_path / "there").do(never) == 0.5


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_another_configuration_is_refused_and_leaves_what_is_there(tmp_path: Path, state: str) -> None:
    job(tmp_path).do(lambda: 0.5 if state == "finished" else (_ for _ in ()).throw(InputError("no")))
    before = (tmp_path / JOB).read_text()
    assert job(tmp_path, callbacks={"at": f"{tmp_path}/checkpoints", "every": 5}).do(never) is None
    (why,) = failures(tmp_path).values()
    assert re.search(r"callbacks\.every was None there and is 5 now.*hydra\.sweep\.dir", why)
    assert (tmp_path / JOB).read_text() == before
    job(tmp_path).do(lambda: 0.5)
    assert failures(tmp_path) == {}


def test_a_result_of_no_sweep_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "training.json").write_text("{}")
    assert job(tmp_path).do(never) is None
    assert "holds a training.json of no sweep" in failures(tmp_path)[tmp_path]
    assert capsys.readouterr().err == f"error: {tmp_path}: {failures(tmp_path)[tmp_path]}\n"
    assert not (tmp_path / JOB).exists()


def test_weights_that_have_changed_are_another_job(tmp_path: Path) -> None:
    weights = tmp_path / "run" / "checkpoints" / "last.ckpt"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"1")
    named = {"checkpoint": str(tmp_path / "run")}
    job(tmp_path / "job", **named).do(lambda: 0.5)
    (tmp_path / "run" / "index.html").write_text("a report changes nothing")
    assert job(tmp_path / "job", **named).do(never) == 0.5
    weights.write_bytes(b"12")
    assert job(tmp_path / "job", **named).do(never) is None
    (why,) = failures(tmp_path).values()
    assert re.search(r"done with checkpoint=.*run, whose files have changed since", why)


def test_weights_that_have_come_let_a_failed_job_begin_again(tmp_path: Path) -> None:
    named = {"checkpoint": str(tmp_path / "run.ckpt")}

    def read() -> float:
        return float((tmp_path / "run.ckpt").read_text())

    assert job(tmp_path / "job", **named).do(read) is None
    (tmp_path / "run.ckpt").write_text("2.5")
    assert job(tmp_path / "job", **named).do(read) == 2.5


@pytest.mark.parametrize(
    ("error", "said"), [(InputError("no shards"), "no shards"), (OSError("full"), "OSError: full")]
)
def test_one_that_fails_says_why_and_begins_again(
    error: Exception, said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    def fail() -> float:
        raise error

    assert job(tmp_path).do(fail) is None
    assert failures(tmp_path) == {tmp_path: said}
    told = capsys.readouterr().err
    assert told.splitlines()[-1] == f"error: {tmp_path}: {said}"
    assert ("Traceback" in told) == isinstance(error, OSError)
    assert job(tmp_path).do(lambda: 0.5) == 0.5
    assert failures(tmp_path) == {}


@pytest.mark.parametrize("told", ["WORLD_SIZE", "SLURM_STEP_NUM_TASKS"])
@pytest.mark.parametrize("error", [InputError("no shards"), OSError("full")], ids=["input", "disk"])
def test_one_of_several_processes_that_fails_ends(
    error: Exception, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it met: the others may not have met it, and would wait."""

    def fail() -> float:
        raise error

    monkeypatch.setenv(told, "2")
    monkeypatch.setenv("SLURM_PROCID", "1")
    with pytest.raises(SystemExit) as stop:
        reported(job(tmp_path).do)(fail)
    assert stop.value.code == 1
    assert state(tmp_path) == "failed"
    assert job(tmp_path).do(lambda: 1.0) == 1.0
    assert state(tmp_path) == "failed"  # the first of them says how it went


def test_the_first_of_several_processes_leaves_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another command holds the job, and where the job is refused."""
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    mine = job(tmp_path)
    with held(tmp_path), pytest.raises(SystemExit) as stop:
        mine.do(never)
    assert stop.value.code == 1
    (tmp_path / "training.json").write_text("{}")
    with pytest.raises(SystemExit) as stop:
        mine.do(never)
    assert stop.value.code == 1


def test_a_sweep_of_evaluations_is_begun_by_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    check_alone(["seed=1"])
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    check_alone(["seed=1"])
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"each of torchrun's would run a sweep .* evaluate\.py seed=1"):
        check_alone(["seed=1"])


def test_commands_on_one_sweep_plan_together(tmp_path: Path) -> None:
    plan(tmp_path, "first", [["mask=full", "seed=1"], ["mask=full", "seed=2"]])
    plan(tmp_path, "second", [["seed=2", "mask=full"], ["seed=3", "mask=full"]])
    job(tmp_path / "seed=1", seed=1)
    write(tmp_path / "seed=1" / JOB, {"state": "begun", "overrides": ["seed=1", "mask=full"], "config": {}})
    assert not_begun(tmp_path) == ["seed=2 mask=full", "seed=3 mask=full"]


def test_ctrl_c_ends_the_sweep(tmp_path: Path) -> None:
    def interrupt() -> float:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stop:
        reported(job(tmp_path).do)(interrupt)
    assert stop.value.code == 130
    assert state(tmp_path) == "begun"
    assert ended(tmp_path) == []


def test_another_process_s_job_is_left_to_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    mine, (theirs, done) = job(tmp_path), (os.pipe(), os.pipe())
    if not os.fork():
        with held(tmp_path):
            os.write(theirs[1], b".")
            os.read(done[0], 1)
        os._exit(0)
    os.read(theirs[0], 1)
    assert mine.do(never) is None
    assert "another process is at work" in capsys.readouterr().out
    assert not (tmp_path / JOB).exists()
    write(tmp_path / JOB, {"state": "begun", "overrides": ["seed=1"], "config": {}})
    with pytest.raises(InputError, match="it is at work"):
        find_runs([tmp_path])
    os.write(done[1], b".")
    os.wait()
    with pytest.raises(InputError, match="it was stopped before its end"):
        find_runs([tmp_path])


def test_a_report_of_a_part_names_the_rest(tmp_path: Path) -> None:
    write(tmp_path / PLAN, {"jobs": [[f"seed={seed}"] for seed in range(1, 6)]})
    for seed in (1, 2):
        job(tmp_path / f"seed={seed}", seed=seed).do(lambda: 0.5)
        (tmp_path / f"seed={seed}" / "result.json").write_text(json.dumps(result()))
    job(tmp_path / "seed=3", seed=3).do(never)
    (tmp_path / "seed=3" / "training.json").write_text("{}")  # it failed when it was scored
    with pytest.raises(KeyboardInterrupt):
        job(tmp_path / "seed=4", seed=4).do(lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert not_begun(tmp_path) == ["seed=5"]
    found = find_runs([tmp_path])
    assert [run.choices for run in found.runs] == [{"seed": "1"}, {"seed": "2"}]
    assert found.left_out == {
        tmp_path / "seed=3": "it failed: AssertionError: done again",
        tmp_path / "seed=4": "it was stopped before its end",
        tmp_path / "seed=5": "it has not begun",
    }

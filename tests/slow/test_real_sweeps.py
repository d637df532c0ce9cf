"""Sweeps by every launcher: what fails does not end them, and what is done is not done again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import optuna
import pytest

from data_prep.sources.dancers import DancersSource
from humangen.checkpoint_files import newest, read
from humangen.cli.main import main as humangen
from tests.slow.sweep_commands import ROOT, fake_slurm, run, states, sweep, written

pytestmark = pytest.mark.slow
RATE = "task.optimizer.lr"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("shards")
    DancersSource(people=5, held_out=2, height=64, width=64).write(folder, workers=1)
    return f"data.shards={folder}"


def test_a_failed_job_ends_nothing_and_a_rerun_does_the_rest(
    shards: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Begun by joblib's processes, gone on with in one."""
    out = tmp_path / "out"
    command = sweep(out, shards, "max_steps=3", f"{RATE}=1e-3,1e30")
    first = run([*command, "hydra/launcher=workers"])
    assert first.returncode == 1, first.stderr
    assert states(out, RATE) == {"0.001": "finished", "1e+30": "failed"}
    assert "error: 1 jobs failed, and begin again" in first.stderr
    assert "is not a number: the weights are broken" in first.stderr  # painted, before the next loss is
    done = written(out)
    second = run([*command[:-2], f"{RATE}=1e-3,2e-3", command[-1]])
    assert second.returncode == 1, second.stderr
    assert second.stdout.count("done before") == 1
    assert {path: when for path, when in written(out).items() if path in done} == done
    assert states(out, RATE) == {"0.001": "finished", "0.002": "finished", "1e+30": "failed"}
    humangen(["report", str(out)])
    assert "it failed: what was sampled is not a number" in capsys.readouterr().out


def test_submitit_s_own_processes(shards: str, tmp_path: Path) -> None:
    ended = run(
        [*sweep(tmp_path, shards, "seed=1,2"), "hydra/launcher=submitit_local", "hydra.launcher.timeout_min=30"]
    )
    assert ended.returncode == 0, ended.stderr
    assert states(tmp_path, "seed") == {"1": "finished", "2": "finished"}


def test_slurm_starts_a_process_for_each_device(shards: str, tmp_path: Path) -> None:
    """Two ranks train each job together, as Lightning finds them in SLURM's environment."""
    environment, out = fake_slurm(tmp_path), tmp_path / "out"
    command = sweep(out, shards, "strategy=ddp", "strategy.devices=2", "seed=1,2")
    ended = run([*command, "hydra/launcher=slurm", "hydra.launcher.partition=fast"], **environment)
    logs = (tmp_path / "log").read_text()
    assert ended.returncode == 0, ended.stderr + logs
    assert states(out, "seed") == {"1": "finished", "2": "finished"}
    assert logs.count("GLOBAL_RANK: 1, MEMBER: 2/2") == 2
    script = (tmp_path / "script.sh").read_text()
    for line in ("nodes=1", "ntasks-per-node=2", "partition=fast", "time=1440", "cpus-per-task=1", "array=0-1%2"):
        assert f"#SBATCH --{line}\n" in script
    assert "gpus" not in script


def test_slurm_is_asked_for_the_gpus_of_each_node(shards: str, tmp_path: Path) -> None:
    environment = fake_slurm(tmp_path)
    (tmp_path / "srun").write_text("#!/bin/sh\nexit 1\n")
    command = sweep(tmp_path / "out", shards, "trainer=gpu", "strategy=fsdp", "strategy.devices=8", "seed=1,2")
    process = subprocess.Popen(
        [*command, "strategy.num_nodes=2", "hydra/launcher=slurm"], cwd=ROOT, env={**os.environ, **environment}
    )
    deadline = time.monotonic() + 600
    while not (tmp_path / "script.sh").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.wait()
    script = (tmp_path / "script.sh").read_text()
    for line in ("nodes=2", "ntasks-per-node=8", "gpus-per-node=8"):
        assert f"#SBATCH --{line}\n" in script
    assert "gpus-per-task" not in script


def test_a_search_that_was_killed_goes_on(shards: str, tmp_path: Path) -> None:
    """To the number of trials that was asked for in all; one that fails is one of them."""
    command = sweep(tmp_path, shards, "hydra/sweeper=search", "hydra.sweeper.n_trials=3")
    command.insert(-1, f"{RATE}=tag(log, interval(1e-4, 1e-2))")
    first = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 900
    while sorted(states(tmp_path, RATE).values()) != ["begun", "finished"] and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    done = written(tmp_path)
    second = run(command)
    assert second.returncode == 0, second.stderr
    assert sorted(states(tmp_path, RATE).values()) == ["begun", "finished", "finished", "finished"]
    assert {path: when for path, when in written(tmp_path).items() if path in done} == done
    study = optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path}/search.db")
    complete = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    assert len(complete) == 3
    assert study.best_value == min(trial.value for trial in complete if trial.value is not None)
    assert str(study.best_params[RATE]) in (tmp_path / "optimization_results.yaml").read_text()
    assert run(command).stdout.count("[HYDRA] \t#") == 0


def test_a_job_that_was_killed_goes_on_from_its_last_checkpoint(shards: str, tmp_path: Path) -> None:
    told = ["callbacks.progress.seconds=0", "callbacks.checkpoint.every_n_train_steps=4"]
    command = sweep(tmp_path, shards, "max_steps=200", *told)
    first = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 900
    while not list(tmp_path.glob("*/checkpoints/step=*.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    (folder,) = tmp_path.glob("*/checkpoints")
    step = read(newest(folder))["global_step"]
    assert 0 < step < 200
    second = run(command)
    assert second.returncode == 0, second.stderr
    assert re.findall(r"step (\d+)/200", second.stdout)[0] == str(step + 1)
    assert json.loads(next(iter(written(tmp_path))).read_text())["steps"] == 200


@pytest.mark.skipif(not (find_spec("ray") and find_spec("hydra_plugins.hydra_ray_launcher")), reason="needs Ray")
def test_ray_runs_the_jobs(shards: str, tmp_path: Path) -> None:
    place = Path("/tmp") / f"ray{os.getpid()}"  # sockets have short paths
    ended = run(
        [*sweep(tmp_path, shards, "seed=1,2"), "hydra/launcher=cluster", f"+hydra.launcher.ray.init._temp_dir={place}"]
    )
    shutil.rmtree(place, ignore_errors=True)
    assert ended.returncode == 0, ended.stderr
    assert states(tmp_path, "seed") == {"1": "finished", "2": "finished"}

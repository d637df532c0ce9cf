"""Launchers and searches compose for both entries, and with what the run is configured with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from humangen.entry import SweepPlan
from humangen.entry import composed as run_main
from humangen.sweeps import JOB, PLAN, write

CONF = Path(__file__).parents[2] / "conf"
GPUS = ["trainer=gpu", "strategy=ddp", "strategy.devices=8", "strategy.num_nodes=2"]


@pytest.fixture(autouse=True)
def configurations() -> Iterator[None]:
    with initialize_config_dir(str(CONF), version_base="1.3"), SweepPlan.search:
        yield


def composed(folder: Path, entry: str, *overrides: str) -> DictConfig:
    """A sweep's configuration, with Hydra's own part."""
    places = [f"hydra.sweep.dir={folder}", f"hydra.runtime.output_dir={folder}", "hydra.job.name=x"]
    config = compose(entry, overrides=[*overrides, "hydra.mode=MULTIRUN", *places], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    OmegaConf.set_readonly(config.hydra, False)  # as it is when Hydra tells of a sweep
    return config


def part(config: DictConfig, name: str) -> dict[str, Any]:
    found = OmegaConf.to_container(config.hydra[name], resolve=True)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("entry", "overrides", "asked"),
    [
        ("train", GPUS, {"nodes": 2, "tasks_per_node": 8, "gpus_per_node": 8, "cpus_per_task": 2}),
        ("train", ["trainer=gpu"], {"nodes": 1, "tasks_per_node": 1, "gpus_per_node": 1}),
        ("train", ["data.num_workers=7"], {"tasks_per_node": 1, "gpus_per_node": None, "cpus_per_task": 8}),
        ("evaluate", ["device=cuda"], {"nodes": 1, "tasks_per_node": 1, "gpus_per_node": 1}),
        ("evaluate", [], {"tasks_per_node": 1, "gpus_per_node": None}),
    ],
)
def test_slurm_gives_what_a_job_is_configured_with(
    entry: str, overrides: list[str], asked: dict[str, Any], tmp_path: Path
) -> None:
    made = part(composed(tmp_path, entry, "hydra/launcher=slurm", *overrides), "launcher")
    assert {key: made[key] for key in asked} == asked
    assert made["_target_"].endswith("SlurmLauncher")


def test_slurm_does_not_guess_the_devices(tmp_path: Path) -> None:
    with pytest.raises(OmegaConfBaseException, match=r"give strategy\.devices=N, not auto"):
        part(composed(tmp_path, "train", "hydra/launcher=slurm", "strategy=ddp"), "launcher")


@pytest.mark.parametrize("entry", ["train", "evaluate"])
def test_workers_see_one_gpu_each(entry: str, tmp_path: Path) -> None:
    config = composed(tmp_path, entry, "hydra/launcher=workers", "hydra.launcher.n_jobs=8")
    assert part(config, "launcher")["n_jobs"] == 8
    assert OmegaConf.to_container(config.hydra.job.env_set) == {"CUDA_VISIBLE_DEVICES": "${worker_gpu:}"}


@pytest.mark.parametrize(
    ("entry", "overrides", "way"),
    [
        ("train", [], "minimize"),
        ("train", ["protocol=dancers64"], "maximize"),
        ("train", ["protocol=vitonhd_unpaired"], "maximize"),
        ("evaluate", [], "maximize"),
    ],
)
def test_a_search_goes_where_its_objective_is_better(
    entry: str, overrides: list[str], way: str, tmp_path: Path
) -> None:
    made = part(composed(tmp_path, entry, "hydra/sweeper=search", *overrides), "sweeper")
    assert made["direction"] == way
    assert made["storage"] == f"sqlite:///{tmp_path}/search.db"


def test_a_search_is_around_what_the_experiment_says(tmp_path: Path) -> None:
    config = composed(tmp_path, "train", "search=training", "experiment=dancers_tryon", "protocol=dancers64_tryon")
    params = part(config, "sweeper")["params"]
    intervals = {each.key_or_group: each.value() for each in OverridesParser.create().parse_overrides(
        [f"{key}={value}" for key, value in params.items()]
    )}  # fmt: skip
    assert set(intervals) == {"task.optimizer.lr", "task.drop_rate", "diffusion.weighting.gamma"}
    assert (intervals["task.optimizer.lr"].start, intervals["task.optimizer.lr"].end) == (6e-5, 6e-3)
    assert "log" in intervals["task.optimizer.lr"].tags
    for key in intervals:
        assert OmegaConf.select(config, key) is not None


def test_a_sweep_says_how_to_go_on_and_leaves_its_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", "-m", "mask=causal,full", "seed=1,2"])
    config = composed(tmp_path, "train")
    config.hydra.overrides.task = ["mask=causal,full", "seed=1,2", "max_steps=3"]
    SweepPlan().on_multirun_start(config)
    command = f"python train.py -m mask=causal,full seed=1,2 hydra.sweep.dir={tmp_path}"
    assert command in capsys.readouterr().out
    plan = json.loads((tmp_path / PLAN).read_text())
    assert plan["command"] == command
    assert plan["jobs"] == [[f"mask={m}", f"seed={s}", "max_steps=3"] for m in ("causal", "full") for s in (1, 2)]


def test_a_search_is_over_so_many_trials_in_all(tmp_path: Path) -> None:
    for number, state in enumerate(("finished", "failed", "begun")):
        write(tmp_path / str(number) / JOB, {"state": state, "overrides": []})
    config = composed(tmp_path, "train", "hydra/sweeper=search", "hydra.sweeper.n_trials=5")
    SweepPlan().on_multirun_start(config)
    assert config.hydra.sweeper.n_trials == 3
    assert json.loads((tmp_path / PLAN).read_text())["jobs"] == []


def test_a_search_says_what_it_is_over_and_is_of_one_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    config = composed(tmp_path, "evaluate", "hydra/sweeper=search", "hydra.sweeper.n_trials=5")
    SweepPlan().on_multirun_start(config)
    assert "a search over psnr (maximize)" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        SweepPlan().on_multirun_start(config)
    assert stop.value.code == 2
    assert "another command is at work on this search" in capsys.readouterr().err
    assert config.hydra.sweeper.n_trials == 5
    SweepPlan.search.close()
    SweepPlan().on_multirun_start(config)


@pytest.mark.parametrize(
    ("entry", "overrides", "said"),
    [
        ("evaluate", ["protocol.definition.metrics=[psnr_outside]"], "none of psnr_outside can"),
        ("evaluate", ["protocol.definition.metrics=[fid,psnr]", "weights=nowhere"], "is over fid, .* unavailable"),
        (
            "train",
            ["max_steps=10", "trainer.val_check_interval=11"],
            "val_check_interval=11 is beyond the last batch, 10",
        ),
    ],
)
def test_a_search_that_no_trial_could_serve_is_refused(
    entry: str, overrides: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as stop:
        SweepPlan().on_multirun_start(composed(tmp_path, entry, "hydra/sweeper=search", *overrides))
    assert stop.value.code == 2
    assert re.search(said, capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("diffusion", ["v_zero_snr", "flow", "epsilon"])
def test_a_search_goes_over_gamma_where_the_loss_has_one(diffusion: str, tmp_path: Path) -> None:
    config = composed(tmp_path, "train", "search=training", f"diffusion={diffusion}")
    SweepPlan().on_multirun_start(config)
    always = {"task.optimizer.lr", "task.drop_rate"}
    assert set(part(config, "sweeper")["params"]) - always == (
        {"diffusion.weighting.gamma"} if diffusion == "v_zero_snr" else set()
    )


def test_a_search_without_a_best_trial_ends_in_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    write(tmp_path / "a" / JOB, {"state": "failed", "error": "the loss is nan", "overrides": []})
    monkeypatch.setattr(SweepPlan, "begun", tmp_path)
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/search.db")
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    with pytest.raises(SystemExit) as stop:
        run_main(lambda: study.best_trial)
    assert stop.value.code == 1
    told = capsys.readouterr().err
    assert "no trial of this search has a number" in told
    assert f"1 jobs failed, and begin again with the sweep's command:\n  {tmp_path / 'a'}: the loss is nan" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("value", [None, 0.5])
def test_a_trial_without_a_number_is_told(value: float | None, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    config = composed(tmp_path, "evaluate", "hydra/sweeper=search")
    write(tmp_path / JOB, {"state": "finished", "value": value, "overrides": []})
    job_return = JobReturn(status=JobStatus.COMPLETED)
    SweepPlan().on_job_end(config, job_return)
    assert ("has no number here" in capsys.readouterr().err) == (value is None)

"""Launchers and searches compose for both entries, and with what the run is configured with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from humangen.entry import SweepPlan
from humangen.sweeps import JOB, PLAN, write

CONF = Path(__file__).parents[2] / "conf"
GPUS = ["trainer=gpu", "strategy=ddp", "strategy.devices=8", "strategy.num_nodes=2"]


@pytest.fixture(autouse=True)
def configurations() -> Iterator[None]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
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

"""A sweep's axes are what differs, whoever wrote it down."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from humangen.report.runs import find_runs
from humangen.report.sweep import Sweep, axes, shown, sweep
from tests.unit.report.made_up import leave, result, steps


def of(folder: Path) -> Sweep:
    return sweep(find_runs([folder]).runs)


def test_axes_of_an_evaluation_sweep(tmp_path: Path) -> None:
    grid = itertools.product(("ddim", "euler"), (10, 2), (1.0, 2.5))
    for job, (solver, number, guidance) in enumerate(grid):
        made = result(**steps(number, solver), guidance=guidance)
        leave(tmp_path / str(job), made, f"guidance={guidance}", f"sampler.num_steps={number}", f"output=/x/{job}")
    found = of(tmp_path)
    assert found.axes == {
        "guidance": ["1", "2.5"],
        "sampler.num_steps": ["2", "10"],
        "sampler.solver": ["ddim", "euler"],
    }
    assert len(found.arms) == 8
    assert found.arms[0].name == "guidance=1, num_steps=2, solver=ddim"


def test_axes_of_a_training_sweep(tmp_path: Path) -> None:
    """Weights differ from run to run there, and no row is named for them; seeds are runs of one arm."""
    for job, (mask, seed) in enumerate(itertools.product(("causal", "full"), (1, 2))):
        overrides = "experiment=x", f"mask={mask}", f"seed={seed}", "+trainer.quiet=true"
        leave(tmp_path / str(job), result(denoiser_sha256=str(job), seed=seed), *overrides)
    found = of(tmp_path)
    assert found.axes == {"mask": ["causal", "full"]}
    assert [len(arm.runs) for arm in found.arms] == [2, 2]


def test_what_only_some_runs_have_is_no_axis_if_it_tells_none_apart() -> None:
    trained = [{"experiment": "x", "quiet": "true", "mask": mask} for mask in ("causal", "full")]
    assert axes([*trained, {"checkpoint": "shipped"}]) == ["checkpoint", "mask"]
    assert axes([{"experiment": "x", "quiet": "true"}, {"checkpoint": "shipped"}]) == ["checkpoint"]


def test_snapshots_of_a_run_are_its_steps(tmp_path: Path) -> None:
    for number in (1000, 500):
        path = f"runs/a/checkpoints/step={number:08d}.ckpt"
        leave(tmp_path / str(number), result(denoiser_sha256=str(number)), f"checkpoint='{path}'")
        (tmp_path / str(number) / ".hydra" / "config.yaml").write_text(f"checkpoint: {path}\n")
    assert of(tmp_path).axes == {"training steps": ["500", "1000"]}


def test_weights_that_no_setting_tells_apart_are_named_by_folder(tmp_path: Path) -> None:
    for name in ("shipped", "from_scratch"):
        leave(tmp_path / name, result(denoiser_sha256=name))
    assert [arm.name for arm in of(tmp_path).arms] == ["from_scratch", "shipped"]


def test_seeds_alone_are_one_arm(tmp_path: Path) -> None:
    for seed in (0, 1):
        leave(tmp_path / "seeds" / str(seed), result(seed=seed), f"seed={seed}")
    (arm,) = of(tmp_path).arms
    assert (arm.name, len(arm.runs)) == ("seeds", 2)


def test_long_numbers_are_told_apart(tmp_path: Path) -> None:
    """Seeds that are dates, and settings that differ in a late digit."""
    seeds, weights = (20240001, 20240002, 20240003), (1.0000001, 1.0000002)
    for seed, guidance in itertools.product(seeds, weights):
        leave(tmp_path / f"{seed}{guidance}", result(seed=seed, guidance=guidance))
    found = of(tmp_path)
    assert found.axes == {"guidance": ["1.0000001", "1.0000002"]}
    assert [len(arm.runs) for arm in found.arms] == [3, 3]
    assert not found.repeated


@pytest.mark.parametrize(
    ("value", "text"), [(2.0, "2"), (2, "2"), (2.5, "2.5"), (1e-05, "1e-05"), (1234567.0, "1234567"), ("2.0", "2.0")]
)
def test_settings_are_shown_in_full(value: object, text: str) -> None:
    assert shown(value) == text


def test_of_one_setting_scored_twice_the_newer_counts(tmp_path: Path) -> None:
    for place, name in enumerate(("a", "b")):
        file = leave(tmp_path / name, result()) / "result.json"
        os.utime(file, (1000 - place, 1000 - place))
    found = of(tmp_path)
    assert [run.folder.name for arm in found.arms for run in arm.runs] == ["a"]
    assert [path.name for path in found.repeated] == ["b"]


def test_results_of_folders_are_named_by_them(tmp_path: Path) -> None:
    """They say nothing of samplers and weights."""
    lacking = ("sampler", "guidance", "seed", "denoiser_sha256", "seconds_per_sample")
    other = {name: value for name, value in result().items() if name not in lacking} | {"predictions": "/x/other"}
    leave(tmp_path / "ours", result(), "checkpoint=shipped")
    leave(tmp_path / "theirs", other, "predictions=/x/other")
    assert [arm.name for arm in of(tmp_path).arms] == ["predictions=/x/other", "checkpoint=shipped"]


@pytest.mark.parametrize("order", [1, -1])
def test_arms_do_not_depend_on_the_order_of_jobs(tmp_path: Path, order: int) -> None:
    for place, number in enumerate((1, 10, 2)[::order]):
        leave(tmp_path / str(place), result(**steps(number)))
    assert [arm.name for arm in of(tmp_path).arms] == ["num_steps=1", "num_steps=2", "num_steps=10"]

"""What is told of waits for data, by hand."""

from __future__ import annotations

import os

import pytest

from humangen.callbacks.data_bound import DataBound, Loading, advice, cores_for_loading

ALONE = Loading(workers=0, cores=8, could_read_latents=True)


def test_told_once_and_again_only_if_it_is_much_worse() -> None:
    watch = DataBound(share=0.15)
    assert [watch.warning(share, 1.0, ALONE) is not None for share in (0.1, 0.14, 0.2, 0.3, 0.34, 0.36, 0.4, 0.1)] == [
        False, False, True, False, False, True, False, False
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("share", "workers", "cores", "latents", "told"),
    [
        (0.2, 0, 8, True, "about 1 worker would keep up, take data.num_workers=1 (now 0)"),
        # the process loads 0.6 of the time itself: 1.5 times as long as it computes
        (0.6, 0, 8, True, "about 2 workers would keep up, take data.num_workers=2 (now 0)"),
        # four busy workers deliver in a step what has to be there in three quarters of it
        (0.25, 4, 8, True, "about 6 workers would keep up, take data.num_workers=6 (now 4)"),
        (0.5, 4, 6, True, "about 8 workers would keep up, more than the 6 cores that a rank has for them: take "
         "data.num_workers=6 (now 4), and train from latents made beforehand"),
        (0.5, 6, 6, True, "about 12 workers would keep up, more than the 6 cores that a rank has for them: train from "
         "latents made beforehand"),
        (0.78, 1, 1, False, "about 5 workers would keep up, more than the one core that a rank has for them: prepare "
         "smaller pictures"),
    ],
)  # fmt: skip
def test_the_fix_fits_what_was_measured(share: float, workers: int, cores: int, latents: bool, told: str) -> None:
    found = advice(share, Loading(workers, cores, latents))
    assert found.startswith(told)
    assert ("latents" in found) == ("latents" in told)


@pytest.mark.parametrize(
    ("given", "ranks", "cores"),
    [
        ({"SLURM_CPUS_PER_TASK": "8", "SLURM_NTASKS": "16", "SLURM_NNODES": "2"}, 8, 7),  # a task is a rank
        ({"SLURM_CPUS_PER_TASK": "64", "SLURM_NTASKS": "2", "SLURM_NNODES": "2"}, 8, 7),  # a task is torchrun
        ({"SLURM_CPUS_PER_TASK": "12"}, 1, 11),
    ],
)
def test_slurm_says_what_its_tasks_were_given(
    given: dict[str, str], ranks: int, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_NTASKS", "SLURM_NNODES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(2), raising=False)
    assert cores_for_loading(ranks) == cores


def test_ranks_of_a_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(64), raising=False)
    assert cores_for_loading(8) == 7
    assert cores_for_loading(1) == 63
    assert cores_for_loading(64) == 1

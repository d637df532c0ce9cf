"""What configuration files compute."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from humangen import objective
from humangen.resolvers import around, folder_name, gpus, processes, worker_gpu
from humangen.types import InputError


def test_a_folder_is_named_for_its_job_alone() -> None:
    assert folder_name("mask=causal,seed=1") == "mask=causal,seed=1"
    paths = [folder_name(text) for text in ("checkpoint=runs/a", "checkpoint=runs-a", "checkpoint=runs:a")]
    assert len(set(paths)) == 3
    long = [folder_name(f"data.shards={'x' * 300},seed={seed}") for seed in (1, 2)]
    assert len(set(long)) == 2
    assert all("/" not in name and len(name) < 255 for name in (*paths, *long))


@pytest.mark.parametrize(("devices", "count"), [(1, 1), ("4", 4), ([0, 2], 2)])
def test_a_process_for_each_device(devices: object, count: int) -> None:
    assert processes(devices) == count  # type: ignore[arg-type]
    assert gpus("gpu", count) == count
    assert gpus("cpu", count) is None


@pytest.mark.parametrize("devices", ["auto", "-1"])
def test_slurm_does_not_guess(devices: str) -> None:
    with pytest.raises(InputError, match=r"strategy\.devices=N, not"):
        processes(devices)


@pytest.mark.parametrize(
    ("name", "visible", "found"),
    [
        ("LokyProcess-1", None, "0"),
        ("LokyProcess-3", None, "2"),
        ("LokyProcess-6", None, "1"),
        ("LokyProcess-2:1", "5,7", "7"),
        ("MainProcess", "5,7", "5,7"),
        ("MainProcess", None, "0,1,2,3"),
    ],
)
def test_workers_share_the_gpus(name: str, visible: str | None, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.setattr(multiprocessing.current_process(), "_config", {})
    monkeypatch.setattr(multiprocessing.current_process(), "_name", name)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
    assert worker_gpu() == found


def test_where_there_is_no_gpu_a_worker_sees_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr(multiprocessing.current_process(), "_name", "LokyProcess-2")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert worker_gpu() == ""


def test_around_is_as_far_below_as_above() -> None:
    assert around(1e-5, 10) == "tag(log, interval(1e-06, 0.0001))"
    assert around(None, 10) == ""


@pytest.mark.parametrize(
    ("metrics", "way"),
    [
        (["old_garment_distance", "psnr_outside", "fid", "psnr"], "minimize"),
        (["psnr", "fid"], "maximize"),
        (["max_outside"], "minimize"),
        (None, "minimize"),
    ],
)
def test_the_direction_is_that_of_the_leading_metric(metrics: list[str] | None, way: str) -> None:
    assert objective.direction(metrics) == way


def test_the_objective_never_stands_in_for_another() -> None:
    protocol = {"metrics": ["max_outside", "fid", "psnr"]}
    assert objective.of_result({"protocol": protocol, "scores": {"max_outside": 1.0, "fid": 3.0, "psnr": 20.0}}) == 3.0
    lacking = {"fid": "unavailable (file i.pth)", "psnr": 20.0}
    assert objective.of_result({"protocol": protocol, "scores": lacking}) is None
    assert objective.of_result({"protocol": protocol, "scores": {"fid": float("nan")}}) is None


def test_a_search_is_over_what_can_be_measured_here_or_over_nothing(tmp_path: Path) -> None:
    """No weights lie in the folder; what is named behind the leading metric does not matter."""
    weights = str(tmp_path)
    assert objective.described(["psnr_outside", "psnr", "fid"], weights) == "psnr"
    with pytest.raises(InputError, match=r"is over fid, .* it is unavailable \((file|package) .*humangen weights"):
        objective.described(["psnr_outside", "fid", "psnr"], weights)
    with pytest.raises(InputError, match="none of psnr_outside, old_garment_distance can"):
        objective.described(["psnr_outside", "old_garment_distance"], weights)

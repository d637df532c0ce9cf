"""What is no number never competes, and a file that is not what we write takes none of the others along."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from humangen.cli.main import main as humangen
from humangen.media import write_picture
from humangen.report.formats import markdown
from humangen.report.pictures import strips
from humangen.report.report import Report
from humangen.report.runs import find_runs
from tests.unit.report.made_up import PSNRS, leave, result, steps

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize("worst", [NAN, INFINITE, -INFINITE, "undefined (no face was found)"])
@pytest.mark.parametrize("place", range(3))
def test_what_is_no_number_is_not_the_best_and_hides_no_best(tmp_path: Path, worst: float | str, place: int) -> None:
    values: list[float | str] = [0.5, 0.7]
    values.insert(place, worst)
    protocol = {"id": "made_up", "version": 1, "metrics": ["arcface"]}
    for number, value in enumerate(values, start=1):
        made = result(scores={"arcface": value}, intervals={"arcface": [value, value]}, **steps(number))
        leave(tmp_path / str(number), made | {"protocol": protocol})
    report = Report.of(find_runs([tmp_path]))
    assert report.verdict[0].startswith(f"Best by arcface: num_steps={values.index(0.7) + 1}, with 0.7000 (")
    assert report.verdict[1].startswith(f"The next best, num_steps={values.index(0.5) + 1} with 0.5000,")
    assert re.findall(r"\*\*([^*]*)\*\*", markdown(report.table)) == ["0.7000"]
    assert f"| num_steps={place + 1} | undefined" in markdown(report.table)


def test_one_seed_without_a_number_leaves_its_arm_without_one(tmp_path: Path) -> None:
    for seed, value in enumerate((30.0, NAN)):
        leave(tmp_path / f"a{seed}", result(seed=seed, scores={"psnr": value}, **steps(1)))
    leave(tmp_path / "b", result(scores={"psnr": 20.0}, **steps(2)))
    report = Report.of(find_runs([tmp_path]))
    assert "| num_steps=1 | 2 | undefined |" in markdown(report.table)
    assert [*report.cells] == ["num_steps=2"]


def test_bounds_and_samples_without_a_number(tmp_path: Path) -> None:
    for number in (1, 2):
        floors = {"repeat": {"psnr": NAN}}
        samples = PSNRS | {"a": NAN}
        leave(tmp_path / str(number), result(float(number), floors=floors, **steps(number)), samples=samples)
    report = Report.of(find_runs([tmp_path]))
    assert "| floor: repeat | undefined |" in markdown(report.table)
    assert "On the same samples the best wins 0 of 2" in report.verdict[-1]


@pytest.mark.parametrize(
    "broken",
    [
        {"scores": {"psnr": None}},
        {"scores": {"psnr": [20.0]}},
        {"scores": {"psnr": True}},
        {"scores": 20.0},
        {"protocol": "x"},
        {"protocol": {"id": "made_up", "version": 1, "metrics": 5}},
        {"resolution": 64},
        {"samples": "3"},
        {"intervals": {"psnr": 20.0}},
        {"intervals": {"psnr": [None, 20.0]}},
        {"floors": {"repeat": 15.0}},
        {"networks": {"fid": "small"}},
        {"networks": {"fid": {"samples": "many"}}},
        {"networks": {"fid": {"note": 5}}},
        {"seconds_per_sample": "fast"},
        {"seconds_per_sample": NAN},
        {"painted": 5},
    ],
)
def test_a_result_that_says_what_none_says_is_left_out_alone(tmp_path: Path, broken: dict[str, Any]) -> None:
    leave(tmp_path / "good", result())
    leave(tmp_path / "bad", result(**steps(2)) | broken)
    found = find_runs([tmp_path])
    assert [run.folder.name for run in found.runs] == ["good"]
    assert next(iter(broken)) in found.left_out[tmp_path / "bad"]


@pytest.mark.parametrize("text", ['{"a": ', "[]", '{"a": 20.0}', '{"a": {"psnr": null}}', "\udcff"])
def test_broken_scores_of_samples_leave_the_others_theirs(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        leave(tmp_path / str(number), result(float(number), **steps(number)), samples=PSNRS)
    (tmp_path / "1" / "samples.json").write_bytes(text.encode(errors="surrogateescape"))
    humangen(["report", str(tmp_path)])
    told = capsys.readouterr().out
    assert f"left out: {tmp_path / '1' / 'samples.json'}" in told
    assert "num_steps=1" in told
    assert "Best by psnr: num_steps=2" in told


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("job.json", "{}"),
        ("training.json", '{"steps": 5, "seconds": "long"}'),
        (".hydra/overrides.yaml", "5"),
        (".hydra/config.yaml", "- 5"),
    ],
)
def test_other_files_that_are_not_ours_leave_their_run_out(tmp_path: Path, name: str, text: str) -> None:
    leave(tmp_path / "good", result())
    (leave(tmp_path / "bad", result(**steps(2))) / name).write_text(text)
    found = find_runs([tmp_path])
    assert [run.folder.name for run in found.runs] == ["good"]
    assert name in found.left_out[tmp_path / "bad"]


def test_a_broken_plan_of_a_sweep_is_named(tmp_path: Path) -> None:
    leave(tmp_path / "good", result())
    (tmp_path / "sweep.json").write_text('{"jobs": ')
    assert "not readable" in find_runs([tmp_path]).left_out[tmp_path / "sweep.json"]


@pytest.mark.parametrize("cut", ["empty", "text", "half"])
@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_a_damaged_picture_is_named_in_its_place(tmp_path: Path, cut: str, suffix: str) -> None:
    for number in (1, 2):
        clip = leave(tmp_path / str(number), result(**steps(number))) / "clips" / "s0"
        clip.mkdir(parents=True)
        frames = [
            Image.fromarray(noise) for noise in np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), "uint8")
        ]
        options: dict[str, Any] = {"save_all": True, "append_images": frames[1:]} if suffix == "gif" else {}
        frames[0].save(clip / f"painted.{suffix}", **options)
        write_picture(clip / "truth.png", np.zeros((8, 8, 3), np.uint8))
    whole = clip / f"painted.{suffix}"
    data = whole.read_bytes()
    whole.write_bytes({"empty": b"", "text": b"no picture", "half": data[: len(data) // 2]}[cut])
    text = strips(Report.of(find_runs([tmp_path])).sweep.arms)
    assert text.count("<img") == 2  # the other painting, and the truth
    assert text.count(f"painted.{suffix} cannot be read") == 1


def test_results_keep_what_is_not_checked(tmp_path: Path) -> None:
    folder = leave(tmp_path / "one", result(note="kept"))
    (run,) = find_runs([tmp_path]).runs
    assert run.result is not None
    assert run.result["note"] == "kept"
    assert run.result["scores"] == json.loads((folder / "result.json").read_text())["scores"]

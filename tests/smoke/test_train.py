"""Whole runs of the tiny configuration: train, resume, second stage, score, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from humangen.checkpoint import find, load
from humangen.cli.main import main as humangen
from humangen.report.runs import find_runs
from humangen.report.sweep import sweep
from humangen.types import InputError
from tests.equal_checkpoints import assert_equal

CONF = str(Path(__file__).parents[2] / "conf")
TINY = [
    "height=64",
    "width=64",
    "data.num_workers=0",
    "data.batch_size=2",
    "data.eval_batch_size=2",
    "data.limit=2",
    "model.denoiser.unet.block_out_channels=[32,32]",
    "model.denoiser.unet.num_attention_heads=[2,2]",
    "model.denoiser.unet.motion_num_attention_heads=2",
    "model.denoiser.pose_encoder.width=32",
    "sampler.num_steps=2",
    "guidance=1.5",
    "trainer.precision=32",
    "seed=3",
]


def configured(name: str, folder: Path, *overrides: str) -> dict[str, Any]:
    with initialize_config_dir(CONF, version_base="1.3"):
        config = compose(name, [*overrides])
    OmegaConf.set_struct(config, False)
    config[{"train": "run_dir", "evaluate": "output"}[name]] = str(folder)
    config.name = "tiny"
    config.pop("hydra", None)
    return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("shards")
    from data_prep.sources.dancers import DancersSource

    DancersSource(people=5, held_out=2, height=64, width=64).write(folder, workers=1)
    return f"data.shards={folder}"


def fit(folder: Path, shards: str, *overrides: str, steps: int = 4) -> Path:
    train.run(
        configured(
            "train", folder, *TINY, shards, f"max_steps={steps}", f"trainer.val_check_interval={steps}", *overrides
        )
    )
    return folder


@pytest.fixture(scope="module")
def trained(shards: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(tmp_path_factory.mktemp("run"), shards)


def test_resumed_equals_unbroken(trained: Path, shards: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """In another folder, and by the same command in the same one; a run that is done is left as it is."""
    schedule = "learning_rate.num_training_steps=4"
    fit(tmp_path / "first", shards, schedule, steps=2)
    fit(tmp_path / "second", shards, schedule, f"resume={tmp_path / 'first'}", steps=4)
    fit(tmp_path / "first", shards, schedule, steps=4)
    for folder in ("first", "second"):
        assert_equal(find(trained), find(tmp_path / folder))
    left = {path: path.read_bytes() for path in (tmp_path / "first").rglob("*") if path.suffix in (".ckpt", ".json")}
    fit(tmp_path / "first", shards, schedule, steps=4)
    assert "goes on from step 4 of 4" in capsys.readouterr().out
    assert left == {path: path.read_bytes() for path in left}
    with pytest.raises(InputError, match="task.optimizer.lr: 0.001 -> 0.1"):
        fit(tmp_path / "first", shards, schedule, "task.optimizer.lr=0.1", steps=4)


def test_a_checkpoint_holds_no_frozen_network(trained: Path) -> None:
    stored = load(trained)
    names = torch.load(stored.source, weights_only=True)["state_dict"]
    assert names
    assert all(name.startswith("network.") for name in names)
    assert stored.config["pipeline"]["denoiser"]["unet"]["_target_"] == "humangen.models.unet.SpatialUNet.empty"


def test_the_motion_stage_trains_the_temporal_layers_alone(trained: Path, shards: str, tmp_path: Path) -> None:
    fit(tmp_path, shards, "stage=motion", "stage.train_sampler.num_frames=4", f"init={trained}", steps=2)
    before = load(trained).weights
    state = torch.load(load(tmp_path).source, weights_only=True)["state_dict"]
    changed = {
        name.removeprefix("network.")
        for name, value in state.items()
        if not torch.equal(value, before[name.removeprefix("network.")])
    }
    assert changed
    assert all("motion_modules" in name for name in changed)


def test_the_motion_stage_needs_something_to_start_from(shards: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="init=RUN"):
        fit(tmp_path, shards, "experiment=dancers_motion")
    assert not (tmp_path / "checkpoints").exists()


def test_weights_of_another_mask_are_refused(trained: Path, shards: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'causal'.*'full'"):
        fit(tmp_path, shards, "mask=full", f"init={trained}")
    with pytest.raises(InputError, match="canvas"):
        fit(tmp_path, shards, "mask=canvas", f"resume={trained}", steps=5)


def test_where_nobody_is_held_out_samples_of_training_are_shown(shards: str, tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "train").symlink_to(Path(shards.partition("=")[2]) / "train")
    fit(tmp_path / "run", f"data.shards={tmp_path / 'shards'}", steps=2)
    (events,) = (tmp_path / "run").rglob("events.out*")
    logged = EventAccumulator(str(events)).Reload().Tags()
    assert logged["images"] == ["seen/samples"]
    assert {"seen/loss", "seen/psnr"} <= set(logged["scalars"])
    assert not [name for name in logged["scalars"] if name.startswith("val/")]
    assert not (tmp_path / "run" / "checkpoints" / "best.ckpt").exists()


def test_a_loss_that_is_no_number_stops_and_saves(shards: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"step 2 for samples dancer.*stopped"):
        fit(tmp_path, shards, "task.optimizer.lr=1e30")
    assert torch.load(load(tmp_path).source, weights_only=True)["global_step"] == 2


def test_evaluate_report_export(trained: Path, shards: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    protocol = [f"protocol.{shards}", "protocol.data.eval_sampler.num_frames=2"]
    evaluate.run(
        configured("evaluate", trained, "protocol=dancers64", "sampler.num_steps=2", f"checkpoint={trained}", *protocol)
    )
    result = json.loads((trained / "result.json").read_text())
    assert result["samples"] == 2
    assert result["guidance"] == load(trained).config["guidance"] == 1.5
    for scores in (result["scores"], *result["floors"].values(), *result["ceilings"].values()):
        assert 0 < scores["psnr"] < 60
        assert {"ssim", "l1", "psnr_figure", "ssim_figure", "l1_figure"} <= set(scores)
    assert set(result["intervals_beside"]) == {*result["floors"], *result["ceilings"]}
    assert all(ends["psnr"][0] <= ends["psnr"][1] for ends in result["intervals_beside"].values())
    assert result["ceilings"]["codec"]["psnr"] > result["floors"]["isolated"]["psnr"]
    assert (result["frames_per_clip"], result["protocol"]["samples"], result["complete"]) == (2, 64, False)
    assert "dancers64 has 64 samples, and 2 were scored" in capsys.readouterr().out
    folder = [f"predictions={result['painted']}", "protocol.definition.metrics=[psnr,l1,fd_dancers]"]
    evaluate.run(configured("evaluate", tmp_path / "folder", "protocol=dancers64", *folder, *protocol))
    same = json.loads((tmp_path / "folder" / "result.json").read_text())
    assert {"psnr", "l1", "fd_dancers"} <= set(same["scores"])
    for name in ("scores", "intervals"):
        assert same[name].items() <= result[name].items()
    for name in ("keys_sha256", "data_sha256", "frames_per_clip"):
        assert same[name] == result[name]
    assert set(same["floors"]) == {"repeat_reference", "grey"}
    assert all(scores.items() <= result["floors"][floor].items() for floor, scores in same["floors"].items())
    humangen(["report", str(trained)])
    assert "floor: repeat reference" in (trained / "table.md").read_text()
    assert "painted.gif" in (trained / "index.html").read_text()
    humangen(["export", "--checkpoint", str(trained), "--output", str(tmp_path / "weights")])
    half = load(tmp_path / "weights").weights
    for name, value in load(trained).weights.items():
        torch.testing.assert_close(half[name].float(), value, atol=1e-3, rtol=1e-3)


def test_a_result_is_of_its_precision(trained: Path, shards: str, tmp_path: Path) -> None:
    """What one precision has painted is not taken for another's; the weights are the same ones."""
    words = ["protocol=dancers64", f"checkpoint={trained}", f"painted={tmp_path}/painted", f"protocol.{shards}"]
    words += ["protocol.data.eval_sampler.num_frames=1"]
    with pytest.raises(InputError, match="no precision 'half'"):
        evaluate.run(configured("evaluate", tmp_path / "half", *words, "precision=half"))
    results = []
    for folder, precision in ((tmp_path / "usual", []), (tmp_path / "half", ["precision=bfloat16"])):
        evaluate.run(configured("evaluate", folder, *words, *precision))
        results.append(json.loads((folder / "result.json").read_text()))
    usual, half = results
    assert (usual["precision"], half["precision"]) == ("float32", "bfloat16")
    assert usual["painted"] != half["painted"]
    assert usual["denoiser_sha256"] == half["denoiser_sha256"]
    assert 0 < abs(usual["scores"]["psnr"] - half["scores"]["psnr"]) < 0.1
    arms = sweep(find_runs([tmp_path]).runs).arms
    assert {arm.name for arm in arms} == {"precision=float32", "precision=bfloat16"}


def test_reports_of_different_protocols_do_not_mix(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for version in (1, 2):
        folder = tmp_path / str(version)
        folder.mkdir()
        other = {
            "protocol": {"id": "x", "version": version},
            "resolution": [64, 64],
            "scores": {"psnr": 20.0},
            "samples": 1,
            "variants": {},
            "keys_sha256": "",
        }
        (folder / "result.json").write_text(json.dumps(other))
    with pytest.raises(SystemExit) as stop:
        humangen(["report", str(tmp_path)])
    assert stop.value.code == 2
    assert "these results differ in protocol, and do not compare" in capsys.readouterr().err
    (tmp_path / "2" / "result.json").unlink()
    humangen(["report", str(tmp_path)])  # one alone is a report

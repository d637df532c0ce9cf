"""Weights in files, and configurations that come with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from humangen.build import build
from humangen.checkpoint import (
    find,
    load,
    load_guidance,
    load_weights,
    start_from,
)
from humangen.diffusion.sample import Sampler
from humangen.export import export_weights
from humangen.types import InputError
from tests.conftest import randomise, tiny_unet

ROWS, CANVAS = "humangen.models.denoiser.RowDenoiser", "humangen.models.denoiser.CanvasDenoiser"


def configured(target: str = ROWS, **denoiser: Any) -> dict[str, Any]:
    return {"pipeline": {"denoiser": {"_target_": target, **denoiser}}}


def saved(path: Path, network: nn.Module, config: dict[str, Any], **more: Any) -> Path:
    """A checkpoint as training writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": state, "hyper_parameters": config, **more}, path)
    return path


def network(value: float = 1.0, width: int = 2) -> nn.Linear:
    layer = nn.Linear(3, width)
    nn.init.constant_(layer.weight, value)
    return layer


def test_weights_and_configuration_come_back(tmp_path: Path) -> None:
    stored = load(saved(tmp_path / "a.ckpt", network(2), configured(scheme="causal")))
    fresh = network()
    load_weights(fresh, stored)
    assert fresh.weight.eq(2).all()
    assert stored.config == configured(scheme="causal")


def test_the_average_is_what_is_loaded(tmp_path: Path) -> None:
    average = {f"module.{name}": value for name, value in network(5).state_dict().items()}
    ema = {**average, "n_averaged": torch.tensor(3)}
    fresh = network()
    load_weights(fresh, load(saved(tmp_path / "a.ckpt", network(2), {}, ema=ema)))
    assert fresh.weight.eq(5).all()


@pytest.mark.parametrize("other", [nn.Linear(3, 4), nn.Linear(3, 2, bias=False), nn.Sequential(nn.Linear(3, 2))])
def test_weights_of_another_network_are_refused(tmp_path: Path, other: nn.Module) -> None:
    stored, fresh = load(saved(tmp_path / "a.ckpt", other, {})), network()
    with pytest.raises(InputError, match=r"a\.ckpt holds the weights of another network.*for example"):
        load_weights(fresh, stored)
    assert fresh.weight.eq(1).all()


def test_temporal_layers_that_were_never_trained_do_not_replace_an_adapters(tmp_path: Path) -> None:
    stage, adapted = tiny_unet(motion_max_seq_length=24), tiny_unet(motion_max_seq_length=32)
    randomise(adapted)
    own = {name: value.clone() for name, value in adapted.state_dict().items()}
    start_from(adapted, load(saved(tmp_path / "a.ckpt", stage, {})))
    for name, value in adapted.state_dict().items():
        wanted = own if ".motion_modules." in name else stage.state_dict()
        assert torch.equal(value, wanted[name]), name


def test_temporal_layers_of_a_run_are_those_that_go_on(tmp_path: Path) -> None:
    """Where an adapter is named that has other ones, neither is taken for the other."""
    stage, fresh, adapted = (tiny_unet(motion_max_seq_length=24) for _ in range(3))
    randomise(stage, seed=1)
    randomise(adapted, seed=2)
    path = saved(tmp_path / "a.ckpt", stage, {})
    start_from(fresh, load(path))
    assert all(torch.equal(value, stage.state_dict()[name]) for name, value in fresh.state_dict().items())
    start_from(stage, load(path))  # the very adapter once more
    with pytest.raises(InputError, match="leave model.motion out"):
        start_from(adapted, load(path))


def test_a_run_folder_means_its_last_checkpoint(tmp_path: Path) -> None:
    path = saved(tmp_path / "run" / "checkpoints" / "last.ckpt", network(), {})
    assert find(tmp_path) == find(tmp_path / "run") == find(path) == path


def test_a_weights_folder_loads(tmp_path: Path) -> None:
    config = configured(scheme="causal")
    export_weights(saved(tmp_path / "a.ckpt", network(0.5), config), tmp_path / "weights")
    stored = load(tmp_path / "weights")
    assert stored.config == config
    assert stored.weights["weight"].dtype == torch.float16
    fresh = network()
    load_weights(fresh, stored)
    assert fresh.weight.dtype == torch.float32
    assert fresh.weight.eq(0.5).all()
    with pytest.raises(InputError, match="weights/denoiser.safetensors is there already"):
        export_weights(tmp_path / "a.ckpt", tmp_path / "weights")


class Trap:
    """Unpickling this would run code."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("trap-was-sprung"),))


@pytest.mark.parametrize("content", [
    b"not a checkpoint", b"", {"state_dict": {}}, {"hyper_parameters": {}}, torch.zeros(2), [1, 2], Trap(),
], ids=["text", "empty", "no-config", "no-weights", "tensor", "list", "code"])  # fmt: skip
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, monkeypatch, content: Any) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(InputError, match=r"a\.ckpt"):
        load(path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.ckpt"]


@pytest.mark.parametrize("damage", ["no config", "broken config", "broken weights"])
def test_a_weights_folder_that_cannot_be_read_is_named(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "weights"
    export_weights(saved(tmp_path / "a.ckpt", network(), configured()), folder)
    if damage == "no config":
        (folder / "config.json").unlink()
    else:
        (folder / ("config.json" if damage == "broken config" else "denoiser.safetensors")).write_text("{")
    with pytest.raises(InputError, match="weights"):
        load(folder)


def test_guidance_is_the_configured_one_unless_another_is_wanted(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.ckpt", network(), configured() | {"guidance": 3.5})
    assert load_guidance(path) == 3.5
    assert load_guidance(path, 1.0) == 1.0
    assert load_guidance(saved(tmp_path / "old.ckpt", network(), configured())) == 1.0
    with pytest.raises(InputError, match="guidance is nan"):
        load_guidance(path, float("nan"))


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match=f"no checkpoint at {path}"):
            load(path)


def test_a_configuration_becomes_its_object() -> None:
    node = {"_target_": "humangen.diffusion.sample.Sampler", "solver": "dpm", "num_steps": 3}
    assert build(node) == Sampler("dpm", 3)


FORBIDDEN = ["os.getcwd", "builtins.eval", "subprocess.run", "humangenius.run", "pathlib.Path.touch",
             "humangen.media.os.getcwd", "humangen.checkpoint.json.loads", "humangen.build.instantiate",
             "lightning.pytorch.trainer.trainer.os.getcwd"]  # fmt: skip


@pytest.mark.parametrize("target", FORBIDDEN)
@pytest.mark.parametrize("wrap", [
    lambda node: node,
    lambda node: {"_target_": "humangen.diffusion.sample.Sampler", "num_steps": node},
    lambda node: {"_target_": "humangen.diffusion.sample.Sampler", "num_steps": [{"deep": [node]}]},
], ids=["plain", "nested", "deep"])  # fmt: skip
def test_targets_outside_the_project_are_refused_wherever_they_stand(target: str, wrap) -> None:
    node = json.loads(json.dumps(wrap({"_target_": target})))
    with pytest.raises(InputError, match="not allowed"):
        build(node)


def test_an_input_error_comes_out_of_the_build_as_it_is() -> None:
    node = {"_target_": "humangen.diffusion.schedule.VarianceSchedule", "prediction": "epsilon"}
    with pytest.raises(InputError, match="zero_snr=false"):
        build({"_target_": "humangen.models.pipeline.Pipeline", "schedule": node})

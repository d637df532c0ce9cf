"""`humangen checkpoint`, as a user types it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from humangen import deepspeed_folder
from humangen.checkpoint import load, load_pipeline
from humangen.cli.main import main as humangen
from humangen.models.codec import weights_hash
from tests.conftest import tiny_denoiser

CONFIG = {
    "pipeline": {"denoiser": {"_target_": "humangen.models.denoiser.RowDenoiser", "scheme": "full"}},
    "height": 64, "width": 48, "seed": 3, "notes": ["[bold] is no markup", "a line that is much too long " * 9],
}  # fmt: skip


def saved(path: Path) -> torch.nn.Module:
    """As Lightning saves one; returns the network that is its average."""
    network = tiny_denoiser()
    average = {f"module.{name}": value for name, value in network.state_dict().items()}
    content = {
        "state_dict": {f"network.{name}": value + 1 for name, value in network.state_dict().items()},
        "ema": {"n_averaged": torch.tensor(7), **average},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(5)}}, "param_groups": [{"lr": 0.1}]}],
        "hyper_parameters": CONFIG,
        "global_step": 7,
        "AnimationData": {"batches": 14},
    }
    torch.save(content, path)
    return network


def test_inspect_tells_the_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = saved(tmp_path / "a.ckpt")
    humangen(["checkpoint", "inspect", str(tmp_path / "a.ckpt")])
    told = capsys.readouterr().out
    for line in (
        "denoiser: RowDenoiser",
        "mask: full",
        "height: 64",
        "width: 48",
        "seed: 3",
        "step: 7",
        "'batches': 14",
    ):
        assert line in told
    rows = {name: next(line for line in told.splitlines() if name in line) for name in ("network", "average", "optim")}
    count = sum(value.numel() for value in network.state_dict().values())
    assert f"{count:,}" in rows["average"]
    assert weights_hash(network) in rows["average"]
    assert weights_hash(network) not in rows["network"]
    assert " 20 " in rows["optim"]
    assert yaml.safe_load(told.split("configuration:\n")[1]) == CONFIG


def test_inspect_of_weights_that_ship(capsys: pytest.CaptureFixture[str]) -> None:
    humangen(["checkpoint", "inspect", "shipped"])
    told = capsys.readouterr().out
    assert "mask: causal" in told
    assert weights_hash(load_pipeline("shipped").denoiser.half()) in told


def test_consolidate_names_the_trained_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DeepSpeed names parameters by where it finds them first; frozen networks stay out."""

    def converted(folder: Path, output: Path) -> dict[str, Any]:
        output.write_bytes(b"half of it")  # it writes where it is told, and not at once
        assert (tmp_path / "one.ckpt").read_bytes() == b"before"
        names = ("pipeline.denoiser.a", "network.pe", "pipeline.codec.b")
        return {"state_dict": {name: torch.ones(1) for name in names}, "hyper_parameters": CONFIG, "global_step": 7}

    monkeypatch.setattr(deepspeed_folder, "convert_zero_checkpoint_to_fp32_state_dict", converted)
    (tmp_path / "latest").write_text("checkpoint")
    (tmp_path / "one.ckpt").write_bytes(b"before")
    humangen(["checkpoint", "consolidate", str(tmp_path), "--output", str(tmp_path / "one.ckpt")])
    assert set(load(tmp_path / "one.ckpt").weights) == {"a", "pe"}
    assert {path.name for path in tmp_path.iterdir()} == {"latest", "one.ckpt"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["consolidate", "X"], "--output FILE"),
        (["consolidate", "X", "--output", "Y"], "every strategy here writes one whole file"),
        (["inspect", "X"], "no checkpoint at X"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        humangen(["checkpoint", *words])
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_folder_of_deepspeed_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "checkpoints" / "last.ckpt"
    folder.mkdir(parents=True)
    (folder / "latest").write_text("checkpoint")
    for path in (tmp_path, folder):
        with pytest.raises(SystemExit):
            humangen(["checkpoint", "inspect", str(path)])
        assert f"humangen checkpoint consolidate {folder} --output FILE" in capsys.readouterr().err

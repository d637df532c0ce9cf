"""What can be told of strategies in one process: units, configurations, and what is refused."""

from __future__ import annotations

from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy
from torch import nn

from humangen.callbacks.ema import Ema
from humangen.strategies import (
    GATHERED_TYPES,
    Sharded,
    blocks_of,
    check_launch,
    count_devices,
    ddp,
    fsdp,
    gather,
    release,
    share_of_states,
    share_parameters,
    whole,
)
from humangen.types import InputError
from humangen.zero import Zero, check, deepspeed, zero_config
from tests.conftest import tiny_denoiser
from tests.unit.tiny import tiny_codec

ONE = {"devices": 1, "num_nodes": 1}
TWO = {"devices": 2, "num_nodes": 1}


def test_the_units_are_the_backbone_s_own_blocks() -> None:
    denoiser = tiny_denoiser()
    unet = denoiser.unet
    assert blocks_of(denoiser) == [*unet.down_blocks, unet.mid_block, *unet.up_blocks]


def test_a_network_without_blocks_is_refused() -> None:
    with pytest.raises(InputError, match="PatchCodec has none: take strategy=ddp"):
        blocks_of(tiny_codec())


@pytest.mark.parametrize("builder", [ddp, fsdp])
def test_a_trainer_takes_them(builder: Any) -> None:
    trainer = L.Trainer(strategy=builder(), accelerator="cpu", devices=2, logger=False, precision="bf16-mixed")
    assert isinstance(trainer.strategy, DDPStrategy)
    assert isinstance(trainer.strategy, Sharded) == (builder is fsdp)
    assert trainer.world_size == 2
    assert GATHERED_TYPES[trainer.precision_plugin.precision] == torch.bfloat16


@pytest.mark.parametrize("builder", [ddp, fsdp])
def test_ranks_wait_as_long_as_their_patience(builder: Any) -> None:
    assert builder(patience=90.0)._timeout.total_seconds() == 90


@pytest.mark.parametrize("stage", [2, 3])
def test_zero_is_a_plain_dict_of_its_stage(stage: int) -> None:
    config = zero_config(stage, precision="bf16-mixed", clip=0.5, accumulate=4)
    assert config["zero_optimization"]["stage"] == stage
    assert (config["gradient_clipping"], config["gradient_accumulation_steps"]) == (0.5, 4)
    assert config["torch_autocast"]["dtype"] == "bfloat16"
    assert not {"bf16", "fp16"} & set(config)  # which would leave no float32 weights
    config = zero_config(stage, precision="32-true", clip=None, accumulate=1)
    assert (config["gradient_clipping"], config["torch_autocast"]["enabled"]) == (0, False)
    with pytest.raises(InputError, match="precision=16-mixed is not one of 32-true, bf16-mixed"):
        zero_config(stage, precision="16-mixed", clip=None, accumulate=1)


def test_zero_refuses_what_it_would_train_wrong() -> None:
    class AdamOfBytes(torch.optim.Optimizer):
        pass

    denoiser = tiny_denoiser()
    adam, bytes_ = (made(denoiser.parameters(), {}) for made in (lambda *each: torch.optim.AdamW(each[0]), AdamOfBytes))
    check(denoiser, adam, None)
    with pytest.raises(InputError, match="PatchCodec is none: take strategy=ddp"):
        check(tiny_codec(), adam, None)
    with pytest.raises(InputError, match="AdamOfBytes could not be saved"):
        check(denoiser, bytes_, None)
    with pytest.raises(InputError, match="clipped by norm"):
        check(denoiser, adam, "value")


def test_deepspeed_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install deepspeed, or take strategy=fsdp"):
        deepspeed(stage=2)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    strategy = deepspeed(stage=3, patience=90.0)
    assert isinstance(strategy, Zero)
    assert (strategy.stage, strategy._timeout.total_seconds()) == (3, 90)


def test_no_average_where_deepspeed_hides_the_weights() -> None:
    class Hidden:
        strategy = Zero(3)

    with pytest.raises(InputError, match=r"strategy=fsdp.*callbacks\.ema=null"):
        Ema().setup(Hidden(), None, "fit")  # type: ignore[arg-type]


def test_what_nobody_shares_stays_as_it_is() -> None:
    network = tiny_denoiser()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    gather(network)
    release(network)
    share_parameters(network, network)
    for name, value in whole(network.state_dict()).items():
        assert torch.equal(value, before[name])
    layer = nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    shared = share_of_states(state, optimizer)
    assert shared["param_groups"] == state["param_groups"]
    assert all(shared["state"][0][name] is value for name, value in state["state"][0].items())


@pytest.mark.parametrize(("devices", "count"), [(3, 3), ("2", 2), ([0, 5], 2), ("auto", 1), (-1, 1)])
def test_devices_are_counted(devices: Any, count: int) -> None:
    assert count_devices(devices, "cpu") == count


def test_all_gpus_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)
    assert count_devices("auto", "gpu") == 8
    assert count_devices("auto", "cpu") == 1


def test_one_device_may_sweep() -> None:
    check_launch(ONE, "cpu", ["seed=1"])
    check_launch(TWO, "cpu")


def test_a_sweep_over_devices_is_refused_with_what_works() -> None:
    with pytest.raises(InputError, match="--nproc-per-node=2 train.py mask=full seed=1;.*hydra/launcher=slurm"):
        check_launch(TWO, "cpu", ["mask=full", "seed=1"])
    with pytest.raises(InputError, match="--nnodes=4 .*HOST:29500 --nproc-per-node=1 train.py"):
        check_launch({"devices": 1, "num_nodes": 4}, "gpu", ["seed=1"])


def test_a_sweep_whose_processes_slurm_starts_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "2")
    check_launch(TWO, "cpu", ["seed=1"])


def test_torchrun_and_the_run_have_to_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    check_launch(TWO, "cpu")
    with pytest.raises(InputError, match="started 2 processes, and this run is for 1"):
        check_launch(ONE, "cpu")
    with pytest.raises(InputError, match="sweep"):
        check_launch(ONE, "cpu", ["seed=1"])

"""How a training run is spread over devices: whole copies (DDP), or shares of the network (FSDP2).

FSDP2 comes as a variety of Lightning's DDP strategy. Lightning's own FSDP strategies would not do: the first refuses
clipping by norm, and the second numbers the optimiser's states in another order than the optimiser itself, so that its
checkpoints do not go on under another strategy. Here a checkpoint is one whole file of one layout, whoever wrote it.
"""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from lightning.fabric.utilities.apply_func import apply_to_collection
from lightning.pytorch.strategies import DDPStrategy, Strategy
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from humangen.types import InputError

BLOCKS = ("down_blocks", "mid_block", "up_blocks")  # a U-Net's own parts, each of which is gathered at once
GATHERED_TYPES = {"bf16-mixed": torch.bfloat16}  # by precision; half the traffic, and autocast copies no weights


def check_launch(strategy: dict[str, Any], accelerator: str, job: list[str] | None = None) -> None:
    """Raises `InputError` where the processes would train something else than was asked for. `job` are the overrides
    of this job of a sweep, None outside of one."""
    devices, nodes = count_devices(strategy["devices"], accelerator), strategy["num_nodes"]
    ranks, started = devices * nodes, int(os.environ.get("WORLD_SIZE", "1"))
    if job is not None and max(ranks, started) > 1 and int(os.environ.get("SLURM_NTASKS", "0")) != ranks:
        where = "--standalone" if nodes == 1 else f"--nnodes={nodes} --rdzv-backend=c10d --rdzv-endpoint=HOST:29500"
        raise InputError(
            "a sweep (-m) over several devices trains wrong: every process would run a sweep of its own. Start its "
            f"jobs one by one, this one by torchrun {where} --nproc-per-node={devices} train.py {shlex.join(job)}; or "
            "let SLURM start the processes of each, with hydra/launcher=slurm"
        )
    if dist.is_torchelastic_launched() and started != ranks:
        raise InputError(
            f"torchrun started {started} processes, and this run is for {ranks}: give strategy=ddp or fsdp, and the "
            "processes per node as strategy.devices, the nodes as strategy.num_nodes"
        )


def count_devices(devices: Any, accelerator: str) -> int:
    """How many of a node Lightning will take; `auto` is all GPUs, or one CPU process."""
    if isinstance(devices, list):
        return len(devices)
    if str(devices) in ("auto", "-1"):
        return max(1, torch.cuda.device_count()) if accelerator != "cpu" else 1
    return int(devices)


def ddp(*, patience: float = 1800.0) -> Strategy:
    """A whole copy on every rank; the run ends where one has been waited for `patience` seconds. Its buffers are
    constants: sending them at each validation step would leave a rank that has more of those than the others
    waiting."""
    warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")  # the new name is not in torch 2.13
    return DDPStrategy(gradient_as_bucket_view=True, broadcast_buffers=False, timeout=timedelta(seconds=patience))


def fsdp(*, patience: float = 1800.0) -> Strategy:
    """A share of the trained network, its gradients, optimiser states and average on every rank."""
    return Sharded(timeout=timedelta(seconds=patience))


class OneFile(DDPStrategy):
    """Goes on from one whole file, of which each rank keeps its share."""

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        """Mapped, not read: each rank of a machine needs a share of it."""
        return torch.load(checkpoint_path, map_location="cpu", mmap=True, weights_only=True)


class Sharded(OneFile):
    """FSDP2 around `task.network` alone: the frozen networks stay whole on every rank, and are never sent.

    A block's parameters are gathered when it computes, and let go again. Validation gathers all of them once, so that
    ranks may then compute different things, or nothing.
    """

    def configure_ddp(self) -> None:
        task: Any = self.model
        # nothing here changes a prediction in place
        warnings.filterwarnings("ignore", message=".*returned a view tensor")
        mesh = init_device_mesh(self.root_device.type, (self.world_size,))
        shard(task.network, mesh, GATHERED_TYPES.get(self.precision_plugin.precision))

    def on_validation_start(self) -> None:
        gather(self.lightning_module.network)  # type: ignore[union-attr, arg-type]

    def on_validation_end(self) -> None:
        release(self.lightning_module.network)  # type: ignore[union-attr, arg-type]

    def lightning_module_state_dict(self) -> dict[str, Any]:
        return whole(super().lightning_module_state_dict())

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        return whole(super().optimizer_state(optimizer))

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        states = [
            share_of_states(state, optimizer)
            for state, optimizer in zip(checkpoint["optimizer_states"], self.optimizers, strict=True)
        ]
        super().load_optimizer_state_dict({**checkpoint, "optimizer_states": states})


def shard(network: nn.Module, mesh: DeviceMesh, gathered: torch.dtype | None = None) -> None:
    """Leaves of the parameters only this rank's share of those of rank 0, gathered block by block as type `gathered`
    to compute with."""
    blocks = blocks_of(network)
    for value in (*network.parameters(), *network.buffers()):
        dist.broadcast(value.detach(), src=0)  # `fully_shard` would take a share of each rank's own
    policy = MixedPrecisionPolicy(param_dtype=gathered, reduce_dtype=torch.float32, cast_forward_inputs=False)
    for block in blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
    fully_shard(network, mesh=mesh, mp_policy=policy, reshard_after_forward=False)


def blocks_of(network: nn.Module) -> list[nn.Module]:
    """What is gathered at once."""
    backbone = getattr(network, "unet", network)
    parts = [getattr(backbone, name) for name in BLOCKS if hasattr(backbone, name)]
    blocks = [block for part in parts for block in (part if isinstance(part, nn.ModuleList) else [part])]
    if not blocks:
        raise InputError(
            f"strategy=fsdp shares a network by its blocks, and {type(network).__name__} has none: take strategy=ddp"
        )
    return blocks


def gather(network: nn.Module) -> None:
    """Makes all parameters whole on every rank, until `release`; a network that is not shared is so already."""
    for module in sharded_modules(network):
        module.set_reshard_after_forward(False, recurse=False)
        module.unshard()


def release(network: nn.Module) -> None:
    """Leaves each rank its share again."""
    for module in sharded_modules(network):
        module.set_reshard_after_forward(module is not network, recurse=False)
        module.reshard()


def sharded_modules(network: nn.Module) -> list[FSDPModule]:
    return [module for module in network.modules() if isinstance(module, FSDPModule)]


def whole(state: Any) -> Any:
    """`state` with its shared tensors whole on rank 0, and empty elsewhere; all ranks have to call it."""

    def gathered(value: DTensor) -> Tensor:
        full = value.full_tensor()
        return full.cpu() if dist.get_rank() == 0 else full.new_empty(0)

    return apply_to_collection(state, DTensor, gathered)


def local(value: Tensor) -> Tensor:
    """This rank's share; the whole of what is not shared."""
    return value.to_local() if isinstance(value, DTensor) else value


def share_of(value: Tensor, like: Tensor) -> Tensor:
    """Of a whole `value`, which all ranks have, the share that this rank has of `like`."""
    if not isinstance(like, DTensor):
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def share_of_states(state: dict[str, Any], optimizer: Optimizer) -> dict[str, Any]:
    """The same of an optimiser's states that have the shape of their parameter."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    shares = {
        number: {
            name: share_of(value, parameters[number])
            if isinstance(value, Tensor) and value.shape == parameters[number].shape
            else value
            for name, value in values.items()
        }
        for number, values in state["state"].items()
    }
    return {**state, "state": shares}


def share_parameters(module: nn.Module, like: nn.Module) -> None:
    """Leaves `module`, a copy of `like` from before it was shared, the same share of its parameters."""
    for name, parameter in like.named_parameters():
        owner, _, leaf = name.rpartition(".")
        whole_one = module.get_parameter(name)
        if isinstance(parameter, DTensor):
            shared = nn.Parameter(share_of(whole_one.detach(), parameter), requires_grad=whole_one.requires_grad)
            setattr(module.get_submodule(owner), leaf, shared)

"""DeepSpeed's ZeRO: every rank keeps a share of gradients and optimiser states (stage 2), and of the network (3).

Lightning's own DeepSpeed strategy would not do: it shares the frozen networks too, turns all weights to bfloat16 where
mixed precision was asked for, divides an accumulated gradient twice, and saves folders that hold pickles and go on
under no other strategy. Here the engine is around the trained network alone, precision is autocast as elsewhere, and a
checkpoint is one whole file of the layout that every strategy writes.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import lightning as L
import torch
from lightning.pytorch.strategies import Strategy
from lightning.pytorch.utilities import GradClipAlgorithmType
from torch import Tensor, nn
from torch.distributed.distributed_c10d import _set_pg_timeout
from torch.nn.functional import pad
from torch.optim import Optimizer

from humangen.models.denoiser import Denoiser
from humangen.strategies import OneFile
from humangen.types import InputError

AUTOCAST = {"bf16-mixed": {"enabled": True, "dtype": "bfloat16", "lower_precision_safe_modules": []}}  # sums in float32


def deepspeed(*, stage: int, patience: float = 1800.0) -> Strategy:
    """ZeRO: stage 2 shares gradients and optimiser states, stage 3 the network too."""
    if importlib.util.find_spec("deepspeed") is None:
        raise InputError(
            f"strategy=deepspeed_zero{stage} needs DeepSpeed, which is not installed: pip install deepspeed, or take "
            "strategy=fsdp, which shares as much and needs nothing"
        )
    return Zero(stage, timeout=timedelta(seconds=patience))


def zero_config(stage: int, *, precision: str, clip: float | None, accumulate: int) -> dict[str, Any]:
    """What DeepSpeed is told."""
    if precision not in ("32-true", *AUTOCAST):
        raise InputError(f"under DeepSpeed trainer.precision={precision} is not one of 32-true, {', '.join(AUTOCAST)}")
    return {
        "train_micro_batch_size_per_gpu": 1,  # for DeepSpeed's log alone
        "gradient_accumulation_steps": accumulate,
        "gradient_clipping": clip or 0.0,
        "torch_autocast": AUTOCAST.get(precision, {"enabled": False}),
        "zero_allow_untested_optimizer": True,
        "zero_optimization": {
            "stage": stage,
            "overlap_comm": True,
            "contiguous_gradients": True,
            "reduce_scatter": True,
            "allgather_bucket_size": 200_000_000,
            "reduce_bucket_size": 200_000_000,
            "stage3_max_live_parameters": 200_000_000,
            "stage3_max_reuse_distance": 200_000_000,
        },
    }


def check(network: nn.Module, optimizer: Optimizer, clipping: str | None) -> None:
    """Raises `InputError` where DeepSpeed would train something else, or could not save it."""
    if not isinstance(network, Denoiser):
        raise InputError(f"DeepSpeed shares a denoiser, and {type(network).__name__} is none: take strategy=ddp")
    if not type(optimizer).__module__.startswith("torch.optim"):
        raise InputError(
            f"under DeepSpeed {type(optimizer).__name__} could not be saved: take an optimiser of torch, "
            "task.optimizer._target_=torch.optim.AdamW"
        )
    if clipping == GradClipAlgorithmType.VALUE:
        raise InputError("under DeepSpeed gradients are clipped by norm: leave trainer.gradient_clip_algorithm out")


class Zero(OneFile):
    """ZeRO around `task.network` alone: the frozen networks stay whole on every rank, and are never sent.

    In stage 3 a layer's parameters are gathered when it computes, and let go again. Validation gathers all of them
    once, so that ranks may then compute different things, or nothing.
    """

    def __init__(self, stage: int, **options: Any) -> None:
        super().__init__(**options)
        self.stage = stage
        self.engine: Any = None
        self.validating = ExitStack()
        self.whole = stage == 2  # whether every rank has all of the parameters now
        self.trained: list[nn.Parameter] = []  # in the order of the optimiser, which gets flat pieces of them instead

    @property
    def network(self) -> nn.Module:
        return self.lightning_module.network  # type: ignore[union-attr, return-value]

    @property
    def handles_gradient_accumulation(self) -> bool:
        """The engine is told of every batch, and knows which of them end a step."""
        return True

    def configure_ddp(self) -> None:
        """The engine takes the place of DDP, once there is an optimiser."""

    def setup_optimizers(self, trainer: L.Trainer) -> None:
        super().setup_optimizers(trainer)
        import deepspeed

        deepspeed.utils.logging.logger.setLevel(logging.WARNING)
        warnings.filterwarnings("ignore", message="`parameters` is an empty generator")  # the engine clips
        warnings.filterwarnings("ignore", message=".*_set_pg_timeout")  # the new name is not in torch 2.13
        (optimizer,) = self.optimizers
        check(self.network, optimizer, trainer.gradient_clip_algorithm)
        self.trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        config = zero_config(
            self.stage,
            precision=self.precision_plugin.precision,
            clip=trainer.gradient_clip_val,
            accumulate=trainer.accumulate_grad_batches,
        )
        self.engine, *_ = deepspeed.initialize(
            args=argparse.Namespace(device_rank=self.root_device.index or 0),
            model=self.network,
            model_parameters=self.trained,
            optimizer=optimizer,
            config=config,
        )
        _set_pg_timeout(self._timeout, self.engine.optimizer.dp_process_group)  # type: ignore[arg-type]

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        task: Any = self.lightning_module
        task.network = self.engine  # which has to see the call to know the backward pass that belongs to it
        try:
            with self.precision_plugin.train_step_context():
                return task.training_step(*args, **kwargs)
        finally:
            task.network = self.engine.module

    def backward(self, closure_loss: Tensor, optimizer: Optimizer | None, *args: Any, **kwargs: Any) -> Tensor:
        task: Any = self.lightning_module
        loss = self.precision_plugin.pre_backward(closure_loss, task)
        self.engine.backward(loss, scale_wrt_gas=False)  # Lightning has divided by the accumulated batches
        return self.precision_plugin.post_backward(loss, task)

    def optimizer_step(self, optimizer: Optimizer, closure: Callable[[], Any], model: Any = None, **kwargs: Any) -> Any:
        result = closure()
        self.precision_plugin._after_closure(self.lightning_module, optimizer)  # type: ignore[arg-type]
        self.engine.step()
        return result

    @contextmanager
    def whole_parameters(self) -> Iterator[None]:
        """All parameters whole on every rank."""
        import deepspeed

        if self.whole:
            yield
            return
        with deepspeed.zero.GatheredParameters(self.network.parameters()):
            self.whole = True
            try:
                yield
            finally:
                self.whole = False

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """Whole parameters, and a network that computes without DeepSpeed, which has all ranks gather together."""
        if self.whole:
            yield
            return
        offload = self.engine.optimizer.parameter_offload
        with self.whole_parameters():
            offload._remove_module_hooks()
            try:
                yield
            finally:
                offload.forward_hooks, offload.backward_hooks = [], []
                offload.setup_zero_stage3_hooks()

    def on_validation_start(self) -> None:
        self.validating.enter_context(self.by_itself())

    def on_validation_end(self) -> None:
        self.validating.close()

    def lightning_module_state_dict(self) -> dict[str, Any]:
        with self.whole_parameters():
            return {name: self.kept(value) for name, value in super().lightning_module_state_dict().items()}

    def kept(self, value: Tensor) -> Tensor:
        """A copy on rank 0, which alone writes."""
        return value.detach().cpu().clone() if self.is_global_zero else value.new_empty(0)

    def flats(self) -> list[Tensor]:
        """What the optimiser steps in the place of parameters: this rank's share of them end to end."""
        zero = self.engine.optimizer
        return zero.fp32_partitioned_groups_flat if self.stage == 3 else zero.single_partition_of_fp32_groups

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """As the optimiser's own would be on one rank."""
        from deepspeed.utils import safe_get_full_optimizer_state

        states = optimizer.state.get(self.flats()[0], {})
        found: dict[int, dict[str, Any]] = {}
        for number, parameter in enumerate(self.trained if states else []):
            found[number] = {
                name: self.kept(safe_get_full_optimizer_state(parameter, name) if is_split(value) else value)
                for name, value in states.items()
            }
        (group,) = optimizer.param_groups
        return {"state": found, "param_groups": [group | {"params": list(range(len(self.trained)))}]}

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        (optimizer,), (stored,) = self.optimizers, checkpoint["optimizer_states"]
        (group,), (options,) = optimizer.param_groups, stored["param_groups"]
        group.update(options | {"params": group["params"]})
        for flat in self.flats() if stored["state"] else []:
            optimizer.state[flat] = {
                name: torch.zeros_like(flat) if is_split(value) else value.clone()
                for name, value in stored["state"][0].items()
            }
        if self.stage == 2 and stored["state"]:
            self.engine.optimizer._lazy_init_hp_params_optimizer_state()
        for number, state in stored["state"].items():
            for name, value in state.items():
                if is_split(value):
                    self.share_state(self.trained[number], name, value)

    def share_state(self, parameter: Any, name: str, value: Tensor) -> None:
        """Keeps this rank's share of a whole `value`."""
        from deepspeed.utils import safe_set_full_optimizer_state, safe_set_local_optimizer_state

        value = value.to(self.root_device)
        if self.stage == 2:
            safe_set_full_optimizer_state(parameter, value, name)
        else:
            size = parameter.ds_tensor.numel()
            padded = pad(value.flatten(), (0, size * self.world_size - value.numel()))
            safe_set_local_optimizer_state(parameter, padded[size * self.global_rank :][:size], name)


def is_split(value: Any) -> bool:
    """Whether an optimiser's state is one number per number of its parameter."""
    return isinstance(value, Tensor) and value.dim() > 0

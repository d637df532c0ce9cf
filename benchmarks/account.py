"""Bytes without a device: fake tensors have shapes and no numbers, so a step of any size runs in seconds, and every
storage that it allocates and frees is written down."""

from __future__ import annotations

import weakref
from typing import Any

from torch import Tensor, UntypedStorage, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

BLOCK = 512  # bytes; CUDA's caching allocator hands out multiples of it (PyTorch, CUDACachingAllocator.cpp)


class Account(TorchDispatchMode):
    """The bytes of all storages made inside it that are `alive`, and the most that were since `restart`."""

    def __init__(self) -> None:
        super().__init__()
        self.alive = self.peak = 0
        self._known: set[int] = set()

    def restart(self) -> None:
        self.peak = self.alive

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._enter(leaf.untyped_storage())
        return result

    def _enter(self, storage: UntypedStorage) -> None:
        place = storage._cdata
        if place in self._known:  # a view, or a result in place
            return
        size = -(-storage.nbytes() // BLOCK) * BLOCK
        self._known.add(place)
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._leave, place, size)

    def _leave(self, place: int, size: int) -> None:
        self._known.discard(place)
        self.alive -= size


def normalise_in_float32(network: nn.Module) -> None:
    """Makes normalisations compute, and keep for backward, float32, as CUDA's autocast does and the CPU's does not."""
    for module in network.modules():
        if isinstance(module, nn.GroupNorm | nn.LayerNorm):
            module.register_forward_pre_hook(lambda module, given: (given[0].float(),))

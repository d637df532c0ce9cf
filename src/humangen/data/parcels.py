"""How batches come from loader workers: in shared memory that is filled again and again.

A DataLoader's own way is new shared memory for each batch, and to get so many new pages from the system takes half as
long as decoding the frames in them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from humangen.types import Movable

FREE, FULL = 0, 1  # a slot's first byte: whoever packs sets it, whoever unpacks clears it
ALIGNED = 64  # bytes between beginnings: what copies fast, and suits every type


@dataclass(frozen=True)
class Laid:
    """A tensor that lies in a slot from byte `start` on."""

    start: int
    shape: torch.Size
    dtype: torch.dtype

    @property
    def stop(self) -> int:
        return self.start + math.prod(self.shape) * self.dtype.itemsize

    def within(self, slot: Tensor) -> Tensor:
        """The tensor, in the memory of the slot."""
        return slot[self.start : self.stop].view(self.dtype).view(self.shape)


@dataclass(frozen=True)
class Parcel:
    """A batch on its way: `rest` is all but its tensors, which are laid into slot number `slot` of a worker's. `memory`
    (bytes) is that slot where it is new."""

    worker: int
    slot: int
    memory: Tensor | None
    laid: dict[str, Laid]
    rest: Any


class Packer:
    """A worker's end: lays batches into slots that are free, and makes others where none is."""

    def __init__(self, worker: int) -> None:
        self.worker = worker
        self.slots: list[Tensor] = []

    def pack(self, batch: Movable) -> Parcel:
        laid, end = {}, ALIGNED
        for name, tensor in batch.tensors.items():
            laid[name] = Laid(end, tensor.shape, tensor.dtype)
            end = -(-laid[name].stop // ALIGNED) * ALIGNED
        slot, memory = self._free_slot(end)
        for name, tensor in batch.tensors.items():
            laid[name].within(self.slots[slot]).copy_(tensor)
        self.slots[slot][0] = FULL
        rest = replace(batch, **dict.fromkeys(laid))  # type: ignore[type-var]
        return Parcel(self.worker, slot, memory, laid, rest)

    def _free_slot(self, size: int) -> tuple[int, Tensor | None]:
        """The number of a slot of at least `size` bytes, and its memory where it is new."""
        slot = next((number for number, memory in enumerate(self.slots) if memory[0] == FREE), len(self.slots))
        if slot < len(self.slots) and len(self.slots[slot]) >= size:
            return slot, None
        memory = torch.zeros(size, dtype=torch.uint8).share_memory_()
        self.slots[slot : slot + 1] = [memory]
        return slot, memory


class Unpacker:
    """The main process's end, for the parcels of all workers."""

    def __init__(self) -> None:
        self.slots: dict[tuple[int, int], Tensor] = {}

    def unpack(self, parcel: Parcel) -> Any:
        """The batch, in memory of its own."""
        if parcel.memory is not None:
            self.slots[parcel.worker, parcel.slot] = parcel.memory
        slot = self.slots[parcel.worker, parcel.slot]
        tensors = {name: copied(laid.within(slot)) for name, laid in parcel.laid.items()}
        slot[0] = FREE
        return replace(parcel.rest, **tensors)


def copied(tensor: Tensor) -> Tensor:
    """A copy by numpy, which asks for huge pages: of large tensors they are got several times faster."""
    return torch.from_numpy(tensor.numpy().copy())


class Packed(IterableDataset):
    """What `dataset` yields, as parcels where it has tensors. In loader workers only."""

    def __init__(self, dataset: IterableDataset) -> None:
        self.dataset = dataset

    def __iter__(self) -> Iterator[Any]:
        info = get_worker_info()
        assert info is not None
        packer = Packer(info.id)
        for batch in self.dataset:
            yield packer.pack(batch) if isinstance(batch, Movable) else batch

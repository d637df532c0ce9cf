"""How batches come from loader workers: in shared memory that is filled again and again.

A DataLoader's own way is new shared memory for each batch, and to get so many new pages from the system takes half as
long as decoding the frames in them.
"""

from __future__ import annotations

import copyreg
import io
import itertools
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

FREE, FULL = 0, 1  # a slot's first byte: whoever packs sets it, whoever unpacks clears it
START = 64  # bytes of a slot before what it holds, so many that copies are aligned


class _Pickler(pickle.Pickler):
    """Leaves the bytes of tensors out, as pickle does those of arrays."""

    dispatch_table = copyreg.dispatch_table | {Tensor: lambda tensor: (torch.from_numpy, (tensor.numpy(),))}


@dataclass(frozen=True)
class Parcel:
    """A batch on its way: its tensors' bytes lie behind one another in slot number `slot` of a worker's, `sizes` of
    them each. `memory` (bytes) is that slot where it is new."""

    worker: int
    slot: int
    memory: Tensor | None
    sizes: list[int]
    rest: bytes


class Packer:
    """A worker's end: lays batches into slots that are free, and makes others where none is."""

    def __init__(self, worker: int) -> None:
        self.worker = worker
        self.slots: list[np.ndarray] = []

    def pack(self, batch: Any) -> Parcel:
        rest, buffers = io.BytesIO(), list[pickle.PickleBuffer]()
        _Pickler(rest, pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append).dump(batch)
        pieces = [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers]
        sizes = [len(piece) for piece in pieces]
        slot, memory = self._free_slot(START + sum(sizes))
        place = self.slots[slot]
        for (start, stop), piece in zip(_bounds(sizes), pieces, strict=True):
            place[start:stop] = piece
        place[0] = FULL
        return Parcel(self.worker, slot, memory, sizes, rest.getvalue())

    def _free_slot(self, size: int) -> tuple[int, Tensor | None]:
        """The number of a slot of at least `size` bytes, and its memory where it is new."""
        slot = next((number for number, place in enumerate(self.slots) if place[0] == FREE), len(self.slots))
        if slot < len(self.slots) and len(self.slots[slot]) >= size:
            return slot, None
        memory = torch.zeros(size, dtype=torch.uint8).share_memory_()
        self.slots[slot : slot + 1] = [memory.numpy()]
        return slot, memory


class Unpacker:
    """The main process's end, for the parcels of all workers."""

    def __init__(self) -> None:
        self.slots: dict[tuple[int, int], np.ndarray] = {}

    def unpack(self, parcel: Parcel) -> Any:
        """The batch, in memory of its own."""
        if parcel.memory is not None:
            self.slots[parcel.worker, parcel.slot] = parcel.memory.numpy()
        place = self.slots[parcel.worker, parcel.slot]
        buffers = [place[start:stop].copy() for start, stop in _bounds(parcel.sizes)]
        place[0] = FREE
        return pickle.loads(parcel.rest, buffers=buffers)


def _bounds(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Where pieces of these sizes begin and end in a slot."""
    return itertools.pairwise(itertools.accumulate(sizes, initial=START))


class Packed(IterableDataset):
    """What `dataset` yields, as parcels. In loader workers only."""

    def __init__(self, dataset: IterableDataset) -> None:
        self.dataset = dataset

    def __iter__(self) -> Iterator[Parcel]:
        info = get_worker_info()
        assert info is not None
        return map(Packer(info.id).pack, self.dataset)

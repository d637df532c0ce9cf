"""Batches come out of shared memory as they went in, and what is handed over is never written to again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from humangen.data.parcels import Packed, Packer, Unpacker
from humangen.data.watch import Stages, WatchedLoader
from humangen.types import Movable


@dataclass(frozen=True)
class Batch(Movable):
    name: str
    pictures: Tensor
    halves: Tensor
    turned: Tensor
    empty: Tensor
    scalar: Tensor
    mask: Tensor
    figures: Tensor | None = None


def batch(number: int, size: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(number)
    pictures = torch.randint(0, 256, (2, size, 5, 3), dtype=torch.uint8, generator=generator)
    halves = torch.randn(4, size, generator=generator)
    return Batch(
        f"batch {number}",
        pictures,
        halves.half(),
        turned=halves.T,  # not contiguous
        empty=torch.zeros(0, 7),
        scalar=torch.tensor(float(number)),
        mask=halves > 0,
    )


def assert_same(found: Batch, expected: Batch) -> None:
    assert (found.name, found.figures) == (expected.name, None)
    assert found.tensors.keys() == expected.tensors.keys()
    for name, tensor in expected.tensors.items():
        torch.testing.assert_close(found.tensors[name], tensor, rtol=0, atol=0)


class Numbered(IterableDataset):
    """Batches of all sizes, worker by worker one after the other; a worker with a higher number has more of them."""

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for number in range(worker, 12 + 8 * worker, workers):
            yield batch(number, 1 + number * 7 % 5)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_all_batches_stay_what_they_were(workers: int) -> None:
    loader = WatchedLoader(Numbered(), num_workers=workers, patience=60, stages=Stages(workers))
    found = list(loader)  # also those of the worker that goes on alone
    numbers = sorted(int(each.name.split()[1]) for each in found)
    assert numbers == sorted({n for w in range(max(1, workers)) for n in range(w, 12 + 8 * w, max(1, workers))})
    for each in found:
        number = int(each.name.split()[1])
        assert_same(each, batch(number, 1 + number * 7 % 5))


def test_memory_is_used_again_when_it_was_unpacked_and_not_before() -> None:
    packer, unpacker = Packer(0), Unpacker()
    first, second = packer.pack(batch(1)), packer.pack(batch(2))
    assert (first.slot, second.slot) == (0, 1)
    assert first.memory is not None
    kept = unpacker.unpack(first)
    third = packer.pack(batch(3))
    assert (third.slot, third.memory) == (0, None)
    assert_same(unpacker.unpack(second), batch(2))
    assert_same(unpacker.unpack(third), batch(3))
    assert_same(kept, batch(1))


def test_what_is_too_large_for_its_slot_gets_another_in_its_place() -> None:
    packer, unpacker = Packer(0), Unpacker()
    assert_same(unpacker.unpack(packer.pack(batch(1))), batch(1))
    large = packer.pack(batch(2, size=50))
    assert large.slot == 0
    assert large.memory is not None
    assert_same(unpacker.unpack(large), batch(2, size=50))
    small = packer.pack(batch(3))
    assert (small.slot, small.memory) == (0, None)
    assert len(packer.slots) == 1


def test_what_is_unpacked_can_be_written_to_and_is_its_own() -> None:
    packer, unpacker = Packer(0), Unpacker()
    found = unpacker.unpack(packer.pack(batch(1)))
    found.pictures.zero_()
    again = unpacker.unpack(packer.pack(batch(2)))
    assert not np.shares_memory(found.pictures.numpy(), again.pictures.numpy())
    assert_same(again, batch(2))
    assert not found.pictures.any()


class Endless(IterableDataset):
    def __iter__(self) -> Iterator[Batch]:
        return map(batch, itertools.repeat(1))


def test_a_worker_makes_no_more_slots_than_it_may_be_ahead() -> None:
    unpacker, made = Unpacker(), 0
    for number, parcel in enumerate(DataLoader(Packed(Endless()), batch_size=None, num_workers=1)):
        made += parcel.memory is not None
        unpacker.unpack(parcel)
        if number == 40:
            break
    assert 1 <= made <= 4

"""Batches out of shards for Lightning: endless and resumable in training, each sample once in evaluation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import cv2
import lightning as L
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from upath import UPath

from humangen.data.index import INDEX, Index
from humangen.data.stream import LARGE, Sample, Stream, evaluation_samples, training_samples
from humangen.types import InputError

Make = Callable[..., Any]  # (raw sample, *seed) -> example
Collate = Callable[[list, list[str]], Any]  # (examples, names of broken samples) -> batch
Finish = Callable[[Any], Any]  # what a worker hands over, on the device -> batch


def loader_worker() -> tuple[int, int]:
    """This loader worker's number and how many there are."""
    cv2.setNumThreads(1)  # the workers are the parallelism
    info = get_worker_info()
    return (info.id, info.num_workers) if info else (0, 1)


class TrainingBatches(IterableDataset):
    """Endless batches of one rank; the first `start` (over all its workers) are passed over without decoding.

    Each batch takes `batch_size` samples off its stream. Broken ones are named in the batch and leave it
    smaller, so that the position in the data is a number of batches, whatever is broken.
    """

    def __init__(
        self,
        *,
        folder: UPath,
        index: Index,
        make: Make,
        collate: Collate,
        batch_size: int,
        seed: int,
        shuffle_buffer: int,
        ranks: Stream,
        start: int,
        left: frozenset[str] = LARGE,
    ) -> None:
        self.folder, self.index, self.make, self.collate = folder, index, make, collate
        self.batch_size, self.seed, self.shuffle_buffer = batch_size, seed, shuffle_buffer
        self.ranks, self.start, self.left = ranks, start, left

    def __iter__(self) -> Iterator[Any]:
        worker, workers = loader_worker()
        turn = (worker + self.start) % workers  # workers deliver in turn; resume with the one whose turn it is
        passed = len(range(turn, self.start, workers))
        broken: list[str] = []

        def note(error: Exception) -> bool:
            broken.append(str(error))
            return True

        samples = training_samples(
            self.folder,
            self.index,
            Stream(self.ranks.index * workers + turn, self.ranks.count * workers),
            seed=self.seed,
            buffer=self.shuffle_buffer,
            on_error=note,
            left=self.left,
        )
        for _ in itertools.islice(samples, passed * self.batch_size):
            pass
        broken.clear()
        while True:
            yield self._batch(itertools.islice(samples, self.batch_size), broken)
            broken.clear()

    def _batch(self, samples: Iterator[tuple[int, Sample]], broken: list[str]) -> Any:
        examples = []
        for epoch, sample in samples:
            try:
                examples.append(self.make(sample, self.seed, epoch))
            except InputError as error:
                broken.append(str(error))
        if not examples:
            raise InputError(f"every sample of a batch from {self.folder} is broken; the first: {broken[0]}")
        return self.collate(examples, broken.copy())


class EvaluationBatches(IterableDataset):
    """Each sample once over all ranks and workers, `limit` samples in all if given; a broken one raises."""

    def __init__(
        self,
        *,
        folder: UPath,
        index: Index,
        make: Make,
        collate: Collate,
        batch_size: int,
        seed: int,
        ranks: Stream,
        limit: int | None,
    ) -> None:
        self.folder, self.index, self.make, self.collate = folder, index, make, collate
        self.batch_size, self.seed, self.ranks, self.limit = batch_size, seed, ranks, limit

    def __iter__(self) -> Iterator[Any]:
        worker, workers = loader_worker()
        stream = Stream(self.ranks.index * workers + worker, self.ranks.count * workers)
        samples = itertools.islice(evaluation_samples(self.folder, self.index, Stream()), self.limit)
        mine = itertools.islice(samples, stream.index, None, stream.count)
        while chunk := list(itertools.islice(mine, self.batch_size)):
            yield self.collate([self.make(sample, self.seed) for sample in chunk], [])


class ShardData(L.LightningDataModule):
    """Train, validation and test batches from `shards`/train, /val and /test.

    `batch_size` counts samples per rank; `limit` caps the samples of an evaluation (None: all);
    `num_workers` is per rank. `collate` runs in the workers, and `finish` makes the batch of what they hand over, on
    the device: a quarter of the bytes travel. The order is a pure function of (`seed`, rank, workers), and the position
    in it is part of a checkpoint.
    """

    kind: ClassVar[str]
    test_split = "test"

    def __init__(
        self,
        *,
        shards: str,
        batch_size: int,
        eval_batch_size: int,
        seed: int,
        make_training: Make,
        make_evaluation: Make,
        collate: Collate,
        finish: Finish,
        num_workers: int = 0,
        shuffle_buffer: int = 256,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        self.shards, self.seed, self.num_workers = UPath(shards), seed, num_workers
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.make_training, self.make_evaluation = make_training, make_evaluation
        self.collate, self.finish = collate, finish
        self.shuffle_buffer, self.limit = shuffle_buffer, limit
        self.start = 0
        self.part = Stream()  # this process's part of the samples where no trainer says which

    def setup(self, stage: str) -> None:
        for split in ("train", *(["val"] if self.has_validation else [])) if stage == "fit" else (self.test_split,):
            Index.load(self.shards / split, self.kind)

    def test_index(self) -> Index:
        """The index of the split that is scored."""
        return Index.load(self.shards / self.test_split, self.kind)

    @property
    def has_validation(self) -> bool:
        """Published splits often hold out a test set alone: training then goes without validation."""
        return (self.shards / "val" / INDEX).is_file()

    @property
    def ranks(self) -> Stream:
        trainer = self.trainer
        return Stream(trainer.global_rank, trainer.world_size) if trainer else self.part

    def training_reader(self, index: Index) -> tuple[Make, frozenset[str]]:
        """How raw samples of these training shards become examples, and which of their fields are left in the tar."""
        return self.make_training, LARGE

    def train_dataloader(self) -> DataLoader:
        folder = self.shards / "train"
        index = Index.load(folder, self.kind)
        make, left = self.training_reader(index)
        batches = TrainingBatches(
            folder=folder,
            index=index,
            make=make,
            left=left,
            collate=self.collate,
            batch_size=self.batch_size,
            seed=self.seed,
            shuffle_buffer=self.shuffle_buffer,
            ranks=self.ranks,
            start=self.start,
        )
        return DataLoader(batches, batch_size=None, num_workers=self.num_workers)

    def eval_dataloader(self, split: str) -> DataLoader:
        folder = self.shards / split
        batches = EvaluationBatches(
            folder=folder,
            index=Index.load(folder, self.kind),
            make=self.make_evaluation,
            collate=self.collate,
            batch_size=self.eval_batch_size,
            seed=self.seed,
            ranks=self.ranks,
            limit=self.limit,
        )
        return DataLoader(batches, batch_size=None, num_workers=min(self.num_workers, 1))

    def val_dataloader(self) -> DataLoader | list[DataLoader]:
        if self.has_validation:
            return self.eval_dataloader("val")
        print(f"{self.shards} has no val: training without validation")
        return []

    def test_dataloader(self) -> DataLoader:
        return self.eval_dataloader(self.test_split)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return self.finish(batch)

    def batches(self, loader: DataLoader, device: torch.device | str = "cpu") -> Iterator[Any]:
        """What a Trainer gives its module of one of these loaders."""
        for handed in loader:
            yield self.finish(move_data_to_device(handed, torch.device(device)))

    @property
    def sharing(self) -> dict[str, int]:
        """How samples are shared out, on which their order depends."""
        return {"ranks": self.ranks.count, "workers": max(1, self.num_workers), "batch_size": self.batch_size}

    def state_dict(self) -> dict[str, int]:
        assert self.trainer is not None
        batches = self.trainer.global_step * self.trainer.accumulate_grad_batches
        return {"samples": batches * self.batch_size * self.ranks.count, **self.sharing}  # of all ranks

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        samples, before = state_dict["samples"], {name: state_dict[name] for name in self.sharing}
        self.start = samples // (self.batch_size * self.ranks.count)
        if before != self.sharing:
            print(f"the data goes on after {samples} samples, in another order: {before} became {self.sharing}")

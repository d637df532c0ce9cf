"""Batches out of shards for Lightning."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import lightning as L
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from torch.utils.data import DataLoader

from humangen.data.batches import (
    Choose,
    Collate,
    EvaluationBatches,
    Make,
    SeenBatches,
    Source,
    TrainingBatches,
    everyone,
)
from humangen.data.cache import ShardCache
from humangen.data.index import INDEX, Index
from humangen.data.mix import Part
from humangen.data.pipe import folder_of
from humangen.data.stream import Shelf, Stream
from humangen.data.watch import Stages, WatchedLoader
from humangen.types import InputError, LatentsInfo

READING = ("num_workers", "eval_batch_size", "cache", "cache_gb", "patience")  # how samples are read, not which
SEEN = 8  # training samples that are looked at where none are held out
Finish = Callable[[Any], Any]  # what a worker hands over, on the device -> batch


class ShardData(L.LightningDataModule):
    """Train, validation and test batches from `shards`/train, /val and /test.

    `batch_size` counts samples per rank; an evaluation is of those of the first `limit` samples (None: all) that are
    `chosen`;
    `num_workers` is per rank. `collate` runs in the workers, and `finish` makes the batch of what they hand over, on
    the device: a quarter of the bytes travel. What all ranks together have in a batch is a pure function of (`seed`,
    its number, its size, `num_workers`), and the position is part of a checkpoint.

    Training is on `mix` where it is given, sets by name, each sample of a set drawn by weight, and `shards` is the set
    to validate on, or the first of the mixture; else all is in `shards`.
    Shards of URLs are copied to the folder `cache`, up to `cache_gb` (1e9 bytes), see `ShardCache`. Where loader
    workers give no batch for `patience` seconds the run ends, and says what they were doing.
    """

    kind: ClassVar[str]
    test_split = "test"

    def __init__(
        self,
        *,
        shards: str | None,
        batch_size: int,
        eval_batch_size: int,
        seed: int,
        make_evaluation: Make,
        collate: Collate,
        finish: Finish,
        chosen: Choose = everyone,
        num_workers: int = 0,
        shuffle_buffer: int = 256,
        limit: int | None = None,
        mix: Mapping[str, Part] | None = None,
        cache: str | None = None,
        cache_gb: float = 50.0,
        patience: float = 600.0,
    ) -> None:
        super().__init__()
        if not (mix or shards):
            raise InputError("no shards are named: name them with data.shards=DIR")
        self.mix = mix or {"": Part(str(shards))}
        self.shards = folder_of(shards or next(iter(self.mix.values())).shards)
        self.validation_named = bool(mix and shards)
        self.seed, self.num_workers = seed, num_workers
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.make_evaluation, self.collate, self.finish, self.chosen = make_evaluation, collate, finish, chosen
        self.shuffle_buffer, self.limit = shuffle_buffer, limit
        self.cache, self.patience = ShardCache(cache, cache_gb), patience
        self.passed = {"samples": 0, "step": 0}  # as a checkpoint knows it
        self.part = Stream()  # this process's part of the samples where no trainer says which

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.training_indices()
            if self.validation_named and not self.has_validation:
                raise InputError(
                    f"{self.shards} has no val: in a mixture data.shards names the set to validate on. Leave it out, "
                    f"or to train on it name it as a set with +data.mix.NAME="
                    f"'{{_target_: humangen.data.mix.Part, shards: {self.shards}}}'"
                )
        if stage != "fit" or self.has_validation:
            Index.load(self.shards / ("val" if stage == "fit" else self.test_split), self.kind)

    def training_indices(self) -> dict[str, Index]:
        """The index of each set that is trained on."""
        found = {}
        for name, part in self.mix.items():
            try:
                found[name] = Index.load(folder_of(part.shards) / "train", self.kind)
            except InputError as error:
                hint = (
                    f"the set {name} of the mixture: {error}. Or name yours with data.mix.{name}.shards=DIR, or leave "
                    f"it out with ~data.mix.{name}"
                )
                raise InputError(hint) from error if name else error
        return found

    def test_index(self) -> Index:
        """The index of the split that is scored."""
        return Index.load(self.shards / self.test_split, self.kind)

    @property
    def has_validation(self) -> bool:
        """Published splits often hold out a test set alone."""
        return (self.shards / "val" / INDEX).is_file()

    @property
    def validation(self) -> str:
        """What validation is on, as its figures are named: `val`, or `seen`, the first samples that are trained on."""
        return "val" if self.has_validation else "seen"

    @property
    def ranks(self) -> Stream:
        trainer = self.trainer
        return Stream(trainer.global_rank, trainer.world_size) if trainer else self.part

    @property
    def start(self) -> int:
        """How many batches each rank has had before."""
        return self.passed["samples"] // (self.batch_size * self.ranks.count)

    @abstractmethod
    def training_reader(self, part: Part, latents: LatentsInfo | None) -> tuple[Make, frozenset[str]]:
        """How raw samples of a set become examples, and which of their fields are left in the tar. All sets of the
        training hold these `latents`."""

    def sources(self, stages: Stages) -> list[Source]:
        """What is trained on; latents where all sets hold the same ones."""
        indices = self.training_indices()
        kinds = {index.latents for index in indices.values()}
        latents = kinds.pop() if len(kinds) == 1 else None
        if kinds:
            print("the sets of the mixture do not hold the same latents: the pictures of all are decoded")
        made = []
        for name, part in self.mix.items():
            shelf = Shelf(folder_of(part.shards) / "train", indices[name], self.cache, stages.note)
            made.append(Source(shelf, *self.training_reader(part, latents), name=name, weight=part.weight))
        return made

    def train_dataloader(self) -> DataLoader:
        stages = Stages(self.num_workers)
        batches = TrainingBatches(
            sources=self.sources(stages),
            collate=self.collate,
            batch_size=self.batch_size,
            seed=self.seed,
            shuffle_buffer=self.shuffle_buffer,
            ranks=self.ranks,
            start=self.start,
        )
        return WatchedLoader(batches, num_workers=self.num_workers, patience=self.patience, stages=stages)

    def eval_dataloader(self, split: str) -> DataLoader:
        return self._eval_dataloader(split, EvaluationBatches, self.limit)

    def _eval_dataloader(self, split: str, kind: type[EvaluationBatches], limit: int | None) -> DataLoader:
        folder, num_workers = self.shards / split, min(self.num_workers, 1)
        stages = Stages(num_workers)
        batches = kind(
            shelf=Shelf(folder, Index.load(folder, self.kind), self.cache, stages.note),
            make=self.make_evaluation,
            collate=self.collate,
            batch_size=self.eval_batch_size,
            seed=self.seed,
            ranks=self.ranks,
            limit=limit,
            chosen=self.chosen,
        )
        return WatchedLoader(batches, num_workers=num_workers, patience=self.patience, stages=stages)

    def val_dataloader(self) -> DataLoader:
        if self.has_validation:
            if self.shards not in [folder_of(part.shards) for part in self.mix.values()]:
                print(f"validating on {self.shards}, which is not in the mixture that is trained on")
            return self.eval_dataloader("val")
        print(
            f"{self.shards} has no val: pictures and losses named seen/ are of the first {SEEN} samples of train, and "
            "no checkpoint is the best. What is prepared with --split random holds people out"
        )
        return self._eval_dataloader("train", SeenBatches, SEEN)

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
        return {"batch": self.batch_size * self.ranks.count, "workers": max(1, self.num_workers)}

    def state_dict(self) -> dict[str, int]:
        """The samples that all ranks together have taken, up to which step, and how they were shared out."""
        trainer = self.trainer
        assert trainer is not None
        batches = (trainer.global_step - self.passed["step"]) * trainer.accumulate_grad_batches
        samples = self.passed["samples"] + batches * self.batch_size * trainer.world_size
        return {"samples": samples, "step": trainer.global_step, **self.sharing}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.passed = {name: state_dict[name] for name in self.passed}
        before = {name: state_dict[name] for name in self.sharing}
        if before != self.sharing and self.ranks.index == 0:
            samples = self.passed["samples"]
            print(f"the data goes on after {samples} samples, in another order: {before} became {self.sharing}")

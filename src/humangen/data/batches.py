"""Batches out of shards: endless and resumable in training, each sample once in evaluation."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import cv2
from torch.utils.data import IterableDataset, get_worker_info

from humangen.data.mix import Draws
from humangen.data.stream import Shelf, Stream, evaluation_samples, first_samples, training_samples
from humangen.data.tars import LARGE, Sample
from humangen.types import Count, Drawn, InputError

Make = Callable[..., Any]  # (raw sample, *seed) -> example
Collate = Callable[[list, Drawn], Any]  # (examples, where they come from) -> batch
Choose = Callable[[Sample], bool]


def everyone(sample: Sample) -> bool:
    return True


def loader_worker() -> tuple[int, int]:
    """This loader worker's number and how many there are."""
    cv2.setNumThreads(1)  # the workers are the parallelism
    info = get_worker_info()
    if not info:
        return 0, 1
    os.setpgid(0, 0)  # Ctrl-C, torchrun and SLURM signal a whole process group: the training ends its workers itself
    return info.id, info.num_workers


@dataclass(frozen=True)
class Source:
    """Shards to train on, how their raw samples become examples, and which fields are left in the tar for that.
    Sets of a mixture have a `name` and a `weight`."""

    shelf: Shelf
    make: Make
    left: frozenset[str] = LARGE
    name: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class Taken:
    """What a stream gave: a raw sample of `source`, in which `epoch` of it, or what is wrong with the sample."""

    source: Source
    epoch: int
    sample: Sample | InputError


class TrainingBatches(IterableDataset):
    """Endless batches of one rank; the first `start` (over all its workers) are passed over without being read.

    Each place in the batches of all ranks together has a stream of its own, in each of a rank's workers, and takes one
    sample after the other off it, each of the source that is drawn for its number. So what the ranks have in a step
    does not depend on how many they are, but on how many samples and workers. Broken samples are named in the batch
    and leave it smaller, so that the position in the data is a number of batches, whatever is broken. Where all are,
    the next sound sample stands in for them, and comes again when it is its turn.
    """

    def __init__(
        self,
        *,
        sources: Sequence[Source],
        collate: Collate,
        batch_size: int,
        seed: int,
        shuffle_buffer: int,
        ranks: Stream,
        start: int,
    ) -> None:
        self.sources, self.collate = sources, collate
        self.batch_size, self.seed, self.shuffle_buffer = batch_size, seed, shuffle_buffer
        self.ranks, self.start = ranks, start
        self.note = sources[0].shelf.note

    def __iter__(self) -> Iterator[Any]:
        worker, workers = loader_worker()
        turn = (worker + self.start) % workers  # workers deliver in turn; resume with the one whose turn it is
        passed = len(range(turn, self.start, workers))
        places = self.ranks.count * self.batch_size
        first = turn * places + self.ranks.index * self.batch_size
        streams = [Stream(first + place, workers * places) for place in range(self.batch_size)]
        taking = itertools.chain.from_iterable(zip(*(self._samples(stream, passed) for stream in streams), strict=True))
        sizes = [source.shelf.index.num_samples for source in self.sources]
        seen = sum(len(stream.share(size)) for stream in streams for size in sizes)
        epochs = {source.name: 0 for source in self.sources}
        ahead: deque[Taken] = deque()
        while True:
            taken = [ahead.popleft() if ahead else next(taking) for _ in range(self.batch_size)]
            epochs |= {each.source.name: each.epoch for each in taken}
            examples = [self._example(each) for each in taken]
            sound = [example for example in examples if not isinstance(example, InputError)]
            drawn = self._drawn(taken, examples, epochs)
            while not sound:
                if len(ahead) > seen:
                    raise InputError(
                        f"every sample of a batch is broken, and so are the {len(ahead)} behind it; the first: "
                        f"{drawn.skipped[0]}"
                    )
                ahead.append(next(taking))
                stand_in = self._example(ahead[-1])
                sound = [] if isinstance(stand_in, InputError) else [stand_in]
            self.note("stacking examples")
            batch = self.collate(sound, drawn)
            self.note("handing over a batch")
            yield batch

    def _samples(self, stream: Stream, start: int) -> Iterator[Taken]:
        """What one stream gives, from its sample `start` on."""
        draws = Draws([source.weight for source in self.sources], seed=self.seed, stream=stream)
        streams = [
            training_samples(
                source.shelf,
                stream,
                seed=self.seed,
                buffer=max(1, round(self.shuffle_buffer * share / self.batch_size)),
                start=before,
                left=source.left,
            )
            for source, share, before in zip(self.sources, draws.shares, draws.before(start), strict=True)
        ]
        for number in draws.after(start):
            yield Taken(self.sources[number], *next(streams[number]))

    def _example(self, taken: Taken) -> Any:
        """An example, or what is wrong with it."""
        source, sample = taken.source, taken.sample
        if isinstance(sample, InputError):
            return sample
        if source.name:  # other sets may have the same keys, on which noise depends
            sample = sample | {"__key__": f"{source.name}/{sample['__key__']}"}
        self.note(f"decoding sample {sample['__key__']} of {sample['__url__']}")
        try:
            return source.make(sample, self.seed, taken.epoch)
        except InputError as error:
            return error

    def _drawn(self, taken: list[Taken], examples: list[Any], epochs: dict[str, int]) -> Drawn:
        counts = {}
        for name, epoch in epochs.items():
            broken = [isinstance(example, InputError) for example, each in zip(examples, taken, strict=True)
                      if each.source.name == name]  # fmt: skip
            counts[f"data/{name}" if name else "data"] = Count(broken.count(False), sum(broken), epoch)
        return Drawn([str(example) for example in examples if isinstance(example, InputError)], counts)


class EvaluationBatches(IterableDataset):
    """Each sample that is `chosen` once over all ranks and workers, of the first `limit` if given; a broken one
    raises."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        make: Make,
        collate: Collate,
        batch_size: int,
        seed: int,
        ranks: Stream,
        limit: int | None,
        chosen: Choose = everyone,
    ) -> None:
        self.shelf, self.make, self.collate, self.chosen = shelf, make, collate, chosen
        self.batch_size, self.seed, self.ranks, self.limit = batch_size, seed, ranks, limit

    def __iter__(self) -> Iterator[Any]:
        worker, workers = loader_worker()
        examples = self._examples(Stream(self.ranks.index * workers + worker, self.ranks.count * workers))
        while chunk := list(itertools.islice(examples, self.batch_size)):
            batch = self.collate(chunk, Drawn())
            self.shelf.note("handing over a batch")
            yield batch

    def _examples(self, stream: Stream) -> Iterator[Any]:
        for sample in evaluation_samples(self.shelf, stream, limit=self.limit):
            if self.chosen(sample):
                yield self._example(sample)

    def _example(self, sample: Sample) -> Any:
        self.shelf.note(f"decoding sample {sample['__key__']} of {sample['__url__']}")
        return self.make(sample, self.seed)


class SeenBatches(EvaluationBatches):
    """The same of samples that are trained on. Broken ones, of which training tells, are left out."""

    def _examples(self, stream: Stream) -> Iterator[Any]:
        for sample in first_samples(self.shelf, stream, limit=self.limit):
            with suppress(InputError):
                if not isinstance(sample, InputError):
                    yield self._example(sample)

"""Batches: resumed and unbroken runs see the same, evaluation sees each sample once, nothing is silent."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from humangen.data.animation import AnimationData, PictureData, animation_batch, collate, make_example, stack
from humangen.data.batches import EvaluationBatches, SeenBatches, Source, TrainingBatches
from humangen.data.clips import PairSampler
from humangen.data.framing import Framing
from humangen.data.index import Index
from humangen.data.schema import encode_clip
from humangen.data.stream import Shelf, Stream, training_samples
from humangen.data.tars import Sample
from humangen.media import to_tensor
from humangen.types import AnimationBatch, Drawn, InputError, PictureBatch
from tests.unit.tiny import SIDE, tiny_record, tiny_shards, write_split

ALONE = Stream()
SAMPLER, FRAMING = PairSampler(num_targets=2, margin_seconds=0.1), Framing(height=SIDE, width=SIDE)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Index]:
    """11 samples in shards of 3, 3, 3 and 2."""
    return tiny_shards(tmp_path_factory.mktemp("batches"), 11, per_shard=3)


def name(sample: Sample, *seed: int) -> tuple[Any, ...]:
    return sample["__key__"], *seed


def names(examples: list, drawn: Drawn) -> list:
    return examples


def training(
    shards: tuple[Path, Index], start: int, workers: int, count: int, ranks: Stream = ALONE, batch_size: int = 2
) -> list:
    batches = TrainingBatches(sources=[Source(Shelf(*shards), name)], collate=names, batch_size=batch_size, seed=5,
                              shuffle_buffer=2 * batch_size, ranks=ranks, start=start)  # fmt: skip
    return list(itertools.islice(DataLoader(batches, batch_size=None, num_workers=workers), count))


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_a_resumed_run_goes_on_with_the_tail(shards, workers: int) -> None:
    """16 batches of 2 are three epochs of 11 samples."""
    whole = training(shards, 0, workers, 16)
    assert {epoch for batch in whole for _, _, epoch in batch} >= {0, 1, 2}
    assert len({repr(batch) for batch in whole}) == 16
    for start in (1, 2, 5, 9) if workers < 2 else (3, 8):
        assert training(shards, start, workers, 16 - start) == whole[start:]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("count", [2, 3, 6])
def test_ranks_share_out_the_batches_that_one_would_have(shards, count: int, workers: int) -> None:
    alone = training(shards, 3, workers, 4, batch_size=6)
    ranks = [training(shards, 3, workers, 4, Stream(rank, count), 6 // count) for rank in range(count)]
    assert [sum(step, []) for step in zip(*ranks, strict=True)] == alone


def test_ranks_see_different_samples(shards) -> None:
    one, other = (training(shards, 0, 0, 2, Stream(rank, 2)) for rank in range(2))
    assert not {key for batch in one for key, *_ in batch} & {key for batch in other for key, *_ in batch}


@pytest.mark.parametrize(("ranks", "workers"), [(1, 0), (1, 2), (2, 0), (3, 0), (5, 0), (2, 2), (8, 0)])
@pytest.mark.parametrize("limit", [None, 4])
def test_evaluation_loses_and_repeats_nothing(shards, ranks: int, workers: int, limit: int | None) -> None:
    seen = []
    for rank in range(ranks):
        batches = EvaluationBatches(
            shelf=Shelf(*shards),
            make=name,
            collate=names,
            batch_size=2,
            seed=5,
            ranks=Stream(rank, ranks),
            limit=limit,
        )
        loader = DataLoader(batches, batch_size=None, num_workers=workers)
        seen += [key for batch in loader for key, *_ in batch]
    assert sorted(seen) == [f"s{number:02d}" for number in range(11)][:limit]


@pytest.mark.parametrize(("ranks", "workers"), [(8, 2), (3, 4), (13, 1)])
def test_ranks_go_through_the_epochs_at_one_pace(shards, ranks: int, workers: int) -> None:
    """Whatever their number, streams have passed over as many whole epochs after as many samples."""
    rounds = 4 * 11  # samples of each stream
    seen: Counter[str] = Counter()
    for rank, worker in itertools.product(range(ranks), range(workers)):
        samples = training_samples(Shelf(*shards), Stream(rank * workers + worker, ranks * workers), seed=5, buffer=4)
        taken = list(itertools.islice(samples, rounds))
        assert {epoch for epoch, _ in taken[-1:]} <= {4 * ranks * workers - 1, 4 * ranks * workers - 2}
        seen.update(sample["__key__"] for _, sample in taken)
    assert set(seen.values()) == {4 * ranks * workers}, "after as many whole epochs each sample came equally often"


def test_a_position_is_a_number_of_samples_whatever_the_ranks(shards, capsys) -> None:
    """Ten steps of two batches of two on three ranks are 120 samples; on two ranks that is 30 batches each."""
    folder, _ = shards
    options = {"batch_size": 2, "eval_batch_size": 1, "seed": 0, "train_sampler": SAMPLER, "eval_sampler": SAMPLER,
               "train_framing": FRAMING, "eval_framing": FRAMING}  # fmt: skip
    data = AnimationData(shards=str(folder.parent), **options)
    data.trainer = SimpleNamespace(global_step=10, accumulate_grad_batches=2, world_size=3, global_rank=0)
    stored = data.state_dict()
    assert (stored["samples"], stored["step"]) == (120, 10)
    data.load_state_dict(stored)
    assert not capsys.readouterr().out
    resumed = AnimationData(shards=str(folder.parent), **options)
    resumed.trainer = SimpleNamespace(global_step=14, accumulate_grad_batches=1, world_size=2, global_rank=0)
    resumed.load_state_dict(stored)
    assert "goes on after 120 samples, in another order" in capsys.readouterr().out
    assert resumed.train_dataloader().dataset.start == 30
    later = resumed.state_dict()
    assert (later["samples"], later["step"]) == (120 + 4 * 2 * 2, 14)


def animation(folder: Path, *, batches: type = TrainingBatches, **changes: Any) -> Any:
    """Real batches of the shards in a folder."""
    shelf, make = (
        Shelf(folder, Index.load(folder, "animation")),
        partial(make_example, sampler=SAMPLER, framing=FRAMING),
    )
    options = {"collate": collate, "batch_size": 4, "seed": 0, "ranks": Stream()}
    if batches is TrainingBatches:
        options |= {"sources": [Source(shelf, make)], "shuffle_buffer": 1, "start": 0}
    else:
        options |= {"shelf": shelf, "make": make, "limit": None}
    return batches(**{**options, **changes})


def broken_shards(folder: Path, broken: set[str]) -> Path:
    """Four clips of which some have half a video."""
    records = [tiny_record(key) for key in ("c0", "c1", "c2", "c3")]
    cut = [
        dataclasses.replace(record, video=record.video[: len(record.video) // 2]) if record.key in broken else record
        for record in records
    ]
    write_split(folder, "train", cut, per_shard=10)
    return folder / "train"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_truncated_video_is_named_and_passed_over(tmp_path: Path, workers: int) -> None:
    folder = broken_shards(tmp_path, {"c2"})
    loader = DataLoader(animation(folder), batch_size=None, num_workers=workers)
    for batch in itertools.islice(loader, 2):
        assert [message for message in batch.drawn.skipped if "sample c2" in message] == batch.drawn.skipped
        assert len(batch.drawn.skipped) == 1
        assert sorted({key.split("@")[0] for key in batch.keys}) == ["c0", "c1", "c3"]


def test_a_truncated_video_raises_in_evaluation(tmp_path: Path) -> None:
    batches = animation(broken_shards(tmp_path, {"c2"}), batches=EvaluationBatches)
    with pytest.raises(InputError, match="sample c2"):
        list(batches)


def test_a_truncated_video_is_left_out_of_what_is_shown_of_training(tmp_path: Path) -> None:
    (batch,) = animation(broken_shards(tmp_path, {"c2"}), batches=SeenBatches, limit=3)
    assert sorted({key.split("@")[0] for key in batch.keys}) == ["c0", "c1"]


def test_nothing_but_broken_videos_is_an_error(tmp_path: Path) -> None:
    folder = broken_shards(tmp_path, {"c0", "c1", "c2", "c3"})
    with pytest.raises(InputError, match="every sample of a batch"):
        next(iter(animation(folder)))


def test_a_figure_shorter_than_its_clip_is_passed_over(tmp_path: Path) -> None:
    records = [tiny_record("good"), tiny_record("short")]
    records[1] = dataclasses.replace(records[1], figure=records[1].figure[:1])
    write_split(tmp_path, "train", records, per_shard=10)
    batch = next(iter(animation(tmp_path / "train", batch_size=2)))
    assert len(batch.drawn.skipped) == 1
    assert "sample short" in batch.drawn.skipped[0]


def test_an_example_depends_on_its_seeds_and_key_alone() -> None:
    sample = encode_clip(tiny_record("a", frames=12))
    make = partial(make_example, sampler=SAMPLER, framing=Framing(height=48, width=48, scale=(0.5, 1), flip=0.5))
    one, again = make(sample, 0, 1), make(sample, 0, 1)
    np.testing.assert_array_equal(one.frames, again.frames)
    assert one.targets == again.targets
    assert any(make(sample, 0, epoch).targets != one.targets for epoch in range(2, 6))


def test_a_batch_has_the_documented_form() -> None:
    examples = [make_example(encode_clip(tiny_record(key)), 0, sampler=SAMPLER, framing=FRAMING) for key in "ab"]
    batch = collate(examples, Drawn(["why"]))
    assert isinstance(batch, AnimationBatch)
    assert batch.reference.shape == batch.reference_pose.shape == (2, 3, SIDE, SIDE)
    assert batch.target.shape == batch.target_pose.shape == (4, 1, 3, SIDE, SIDE)
    assert batch.figure.shape == (4, 1, SIDE, SIDE)
    assert batch.figure.dtype == torch.bool
    assert -1 <= batch.target.min() < batch.target.max() <= 1
    assert 0 <= batch.target_pose.min() < batch.target_pose.max() <= 1
    assert batch.keys == [f"{example.key}@{clip[0]}" for example in examples for clip in example.targets]
    assert batch.drawn.skipped == ["why"]


def test_targets_and_reference_are_the_frames_they_say() -> None:
    """Frames grow brighter by 40 each, so that a frame's number can be read off its pixels."""
    example = make_example(encode_clip(tiny_record("a")), 0, sampler=SAMPLER, framing=FRAMING)
    batch = collate([example], Drawn())
    brightness = ((batch.target[:, 0].mean((1, 2, 3)) + 1) * 127.5 - 40) / 40
    assert brightness.round().int().tolist() == [clip[0] for clip in example.targets]
    reference = round(((batch.reference.mean().item() + 1) * 127.5 - 40) / 40)
    assert reference not in {clip[0] for clip in example.targets}


@pytest.mark.parametrize(("data", "batch"), [(AnimationData, AnimationBatch), (PictureData, PictureBatch)])
def test_the_data_module_gives_batches_of_its_kind(tmp_path: Path, data: type, batch: type) -> None:
    for split in ("train", "val"):
        write_split(tmp_path, split, [tiny_record(key) for key in "abc"], per_shard=2)
    module = data(shards=str(tmp_path), batch_size=2, eval_batch_size=2, seed=0, train_sampler=SAMPLER,
                  eval_sampler=SAMPLER, train_framing=FRAMING, eval_framing=FRAMING)  # fmt: skip
    module.setup("fit")
    assert isinstance(next(module.batches(module.train_dataloader())), batch)
    assert [type(each) for each in module.batches(module.val_dataloader())] == [batch, batch]
    with pytest.raises(InputError, match="test"):
        module.setup("test")


def test_workers_hand_over_bytes_and_the_batch_is_that_of_the_floats() -> None:
    examples = [make_example(encode_clip(tiny_record(key)), 0, sampler=SAMPLER, framing=FRAMING) for key in "ab"]
    handed = stack(examples, Drawn())
    assert {handed.frames.dtype, handed.poses.dtype, handed.figures.dtype} == {torch.uint8, torch.bool}
    batch = animation_batch(handed)
    pixels = to_tensor(handed.frames.numpy())
    assert torch.equal(batch.reference, pixels[:, 0])
    assert torch.equal(batch.target.flatten(0, 1), pixels[:, 1:].flatten(0, 1))
    assert torch.equal(batch.reference_pose, (to_tensor(handed.poses.numpy()[:, 0]) + 1) / 2)

"""Several sets in one training: drawn by weight, counted apart, resumed exactly."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from data_prep.latents import Encoder, add_latents
from humangen.data.animation import AnimationData
from humangen.data.clips import PairSampler
from humangen.data.framing import Framing
from humangen.data.mix import BLOCK, Draws, Part
from humangen.data.stream import Stream
from humangen.data.tars import LARGE, Sample
from humangen.data.tryon import TryOnData
from humangen.data.watch import Stages
from humangen.types import AnimationBatch, Count, Drawn, InputError, Movable
from tests.unit.tiny import SIDE, tiny_codec, tiny_record, write_split

FRAMING = Framing(height=SIDE, width=SIDE)
SIZES = {"one": 3, "two": 8, "three": 5}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sets whose samples have the same keys."""
    folder = tmp_path_factory.mktemp("sets")
    for name, count in SIZES.items():
        records = [tiny_record(f"s{number}", figure=False) for number in range(count)]
        write_split(folder / name, "train", records, per_shard=3)
        write_split(folder / name, "val", records[:1], per_shard=3)
    return folder


class Names(AnimationData):
    """The keys of the samples, and where they are from: nothing is decoded."""

    def __init__(self, **options: Any) -> None:
        super().__init__(finish=lambda batch: batch, **options)
        self.collate = taken

    def training_reader(self, part: Part, latents: Any) -> Any:
        return name, LARGE


def name(sample: Sample, *seed: int) -> str:
    return sample["__key__"]


def taken(keys: list[str], drawn: Drawn) -> Taken:
    return Taken(keys, drawn)


@dataclasses.dataclass
class Taken(Movable):
    keys: list[str]
    drawn: Drawn


def data(folder: Path, weights: dict[str, float], kind: type = Names, **changes: Any) -> AnimationData:
    mix = {name: Part(str(folder / name), weight) for name, weight in weights.items()}
    shared = {"batch_size": 4, "eval_batch_size": 1, "seed": 3, "shuffle_buffer": 4, "train_sampler": PairSampler(),
              "eval_sampler": PairSampler(), "train_framing": FRAMING, "eval_framing": FRAMING}  # fmt: skip
    return kind(**{**shared, "shards": str(folder / "two"), "mix": mix, **changes})


def batches(module: AnimationData, count: int) -> list[AnimationBatch]:
    return list(itertools.islice(module.batches(module.train_dataloader()), count))


def key(batch_key: str) -> str:
    return batch_key.split("@")[0]


def test_sets_come_by_their_weights() -> None:
    draws = Draws([3, 1, 4], seed=0, stream=Stream(2, 9))
    found = Counter(itertools.islice(draws.after(0), 20_000))
    assert [found[number] / 20_000 for number in range(3)] == pytest.approx([3 / 8, 1 / 8, 4 / 8], abs=0.015)
    other = Draws([3, 1, 4], seed=0, stream=Stream(3, 9))
    assert list(itertools.islice(other.after(0), 50)) != list(itertools.islice(draws.after(0), 50))


@pytest.mark.parametrize("start", [0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_the_place_in_each_set_is_a_pure_function_of_the_number_of_draws(start: int) -> None:
    draws = Draws([3, 1, 4], seed=5, stream=Stream())
    whole = list(itertools.islice(draws.after(0), start + 20))
    assert list(itertools.islice(draws.after(start), 20)) == whole[start:]
    assert draws.before(start) == [whole[:start].count(number) for number in range(3)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_mixture_goes_on_with_the_tail(sets: Path, workers: int) -> None:
    weights = {"one": 1.0, "two": 2.0, "three": 1.0}
    whole = [batch.keys for batch in batches(data(sets, weights, num_workers=workers), 14)]
    for start in (1, 5, 10) if not workers else (7,):
        resumed = data(sets, weights, num_workers=workers)
        resumed.load_state_dict({"samples": 4 * start, "step": start, **resumed.sharing})
        assert [batch.keys for batch in batches(resumed, 14 - start)] == whole[start:]


def test_each_set_has_its_own_epochs_and_counts(sets: Path) -> None:
    seen: dict[str, list[str]] = {"one": [], "two": []}
    passed = {}
    for batch in batches(data(sets, {"one": 1.0, "two": 1.0}, batch_size=1), 80):
        names = [each.split("/") for each in batch.keys]
        for of, sample in names:
            seen[of].append(sample)
        counts = batch.drawn.counts
        assert set(counts) == {"data/one", "data/two"}
        for of in seen:
            assert counts[f"data/{of}"].samples == sum(of == each for each, _ in names)
            passed[of] = counts[f"data/{of}"].epochs
    for of, samples in seen.items():
        size = SIZES[of]
        assert len(samples) > 2 * size
        for epoch in range(len(samples) // size):
            assert sorted(samples[epoch * size : (epoch + 1) * size]) == [f"s{number}" for number in range(size)]
        assert passed[of] == (len(samples) - 1) // size


def test_a_set_alone_counts_as_the_data(sets: Path) -> None:
    batch = batches(data(sets, {}, mix=None), 1)[0]
    assert batch.drawn.counts == {"data": Count(4, 0, 0)}
    assert "/" not in batch.keys[0]


def test_broken_samples_are_counted_where_they_are_from(sets: Path, tmp_path: Path) -> None:
    records = [tiny_record(f"s{number}", figure=False) for number in range(4)]
    records[1] = dataclasses.replace(records[1], video=records[1].video[:500])
    write_split(tmp_path, "train", records, per_shard=4)
    mixed = data(sets, {}, AnimationData, mix={"good": Part(str(sets / "two")), "bad": Part(str(tmp_path))})
    found = batches(mixed, 6)
    skipped = Counter(
        name for batch in found for name, count in batch.drawn.counts.items() for _ in range(count.skipped)
    )
    named = [message for batch in found for message in batch.drawn.skipped]
    assert set(skipped) == {"data/bad"}
    assert len(named) == skipped["data/bad"] > 1
    assert all("sample bad/s1: " in message for message in named)


def test_validation_is_on_the_set_that_shards_names(sets: Path) -> None:
    module = data(sets, {"one": 1.0, "three": 1.0}, AnimationData)
    module.setup("fit")
    (batch,) = module.batches(module.val_dataloader())
    assert [key(each) for each in batch.keys] == ["s0"]


def test_validation_is_on_the_first_set_where_none_is_named(sets: Path, tmp_path: Path, capsys) -> None:
    module = data(sets, {"three": 1.0, "one": 1.0}, shards=None)
    module.setup("fit")
    assert module.shards == UPath(sets / "three")
    write_split(tmp_path, "train", [tiny_record("s0", figure=False)], per_shard=3)
    module = data(sets, {}, AnimationData, mix={"bare": Part(str(tmp_path))}, shards=None)
    (batch,) = module.batches(module.val_dataloader())
    assert [key(each) for each in batch.keys] == ["s0"]
    assert "named seen/ are of the first 8 samples of train" in capsys.readouterr().out


def test_a_set_that_is_named_and_not_trained_on_is_said(sets: Path, capsys) -> None:
    data(sets, {"one": 1.0}).val_dataloader()
    assert "two, which is not in the mixture" in capsys.readouterr().out
    data(sets, {"one": 1.0, "two": 1.0}).val_dataloader()
    assert "not in the mixture" not in capsys.readouterr().out


def test_shards_that_are_named_and_cannot_validate_are_refused_with_the_way_out(sets: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"no val: .* to train on it .*data.mix.NAME=.*shards: {tmp_path}"):
        data(sets, {"one": 1.0}, shards=str(tmp_path)).setup("fit")
    with pytest.raises(InputError, match="data.shards=DIR"):
        data(sets, {}, shards=None)


def test_a_set_may_have_its_own_framing_and_sampler(sets: Path) -> None:
    framing = Framing(height=SIDE, width=SIDE, scale=(0.5, 0.5))
    own = {"zoomed": Part(str(sets / "one"), framing=framing, sampler=PairSampler(num_targets=1))}
    module = data(sets, {}, AnimationData, mix={"plain": Part(str(sets / "two")), **own})
    assert {batch.target.shape[1:] for batch in batches(module, 4)} == {(1, 3, SIDE, SIDE)}
    plain, zoomed = (source.make.keywords for source in module.sources(Stages(1)))
    assert (plain["framing"], zoomed["framing"]) == (FRAMING, framing)
    assert zoomed["sampler"] is not plain["sampler"]


def test_sets_of_different_sizes_are_refused(sets: Path) -> None:
    large = Part(str(sets / "one"), framing=Framing(height=128, width=SIDE))
    with pytest.raises(InputError, match="128x64, the others 64x64"):
        data(sets, {}, AnimationData, mix={"one": large}).train_dataloader()


def test_a_set_that_is_not_there_is_named_with_the_way_out(sets: Path) -> None:
    with pytest.raises(
        InputError, match="the set gone of the mixture: no shards in .*data.mix.gone.shards=DIR, .*~data.mix.gone"
    ):
        data(sets, {"one": 1.0, "gone": 1.0}).setup("fit")


@pytest.mark.parametrize("weight", [0, -1.0, float("nan")])
def test_a_weight_must_be_above_zero(weight: float) -> None:
    with pytest.raises(InputError, match="must be above 0"):
        Part("somewhere", weight)


def test_latents_are_read_where_all_sets_hold_the_same(sets: Path, tmp_path: Path, capsys) -> None:
    encoder = Encoder(tiny_codec(), None, FRAMING, batch=4)
    for name in ("one", "two"):
        add_latents(sets / name, tmp_path / name, encoder)
    for part in ("one", "two"):
        assert (tmp_path / part / "train").is_dir()
    both = data(tmp_path, {"one": 1.0, "two": 1.0}, AnimationData)
    assert all(batch.latents for batch in batches(both, 3))
    half = data(tmp_path, {}, AnimationData, mix={"one": Part(str(tmp_path / "one")), "two": Part(str(sets / "two"))})
    assert not any(batch.latents for batch in batches(half, 3))
    assert "do not hold the same latents: the pictures of all are decoded" in capsys.readouterr().out


def test_pairs_have_no_sampler(sets: Path) -> None:
    part = Part(str(sets / "one"), sampler=PairSampler())
    module = TryOnData(shards="", batch_size=1, eval_batch_size=1, seed=0, train_framing=FRAMING,
                       eval_framing=FRAMING, mix={"one": part})  # fmt: skip
    with pytest.raises(InputError, match="no frames to draw"):
        module.training_reader(part, None)

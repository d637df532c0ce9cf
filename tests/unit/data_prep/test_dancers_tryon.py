"""Drawn try-on samples: what is paired, what is not, and what nobody may see in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_prep.shards import build_split
from data_prep.sources.dancers_tryon import DancersTryOnSource, top_of
from humangen.data.dancers import Dancer, draw_flat_garment
from humangen.data.schema import PairRecord, decode_pair, encode_pair
from humangen.media import decode_picture
from humangen.types import InputError


@pytest.fixture(scope="module")
def source() -> DancersTryOnSource:
    return DancersTryOnSource(people=3, held_out=2, outfits=3, height=64, width=48)


def records(source: DancersTryOnSource, split: str) -> list[PairRecord]:
    return [source.record(*job) for job in source.jobs(split)]


def pixels(data: bytes | None) -> np.ndarray:
    assert data is not None
    return decode_picture(data, "picture")


def test_paired_people_wear_the_garment_that_is_asked_for(source: DancersTryOnSource) -> None:
    for record in records(source, "train"):
        seed = int(record.info.garment.removeprefix("dancer-"))
        np.testing.assert_array_equal(pixels(record.garment), draw_flat_garment(Dancer.from_seed(seed), 64, 48))
        assert record.truth is None
        assert record.worn is not None
        assert record.region[record.worn].all()


def test_unpaired_people_wear_another_of_the_same_kind_and_the_truth_differs_in_the_region_alone(
    source: DancersTryOnSource,
) -> None:
    for paired, record in zip(records(source, "test")[::3], records(source, "test_unpaired"), strict=True):
        assert record.person == paired.person
        assert record.garment != paired.garment
        kinds = {top_of(int(each.info.garment.removeprefix("dancer-"))).is_dress for each in (paired, record)}
        assert len(kinds) == 1
        before, truth = pixels(record.person), pixels(record.truth)
        np.testing.assert_array_equal(before[~record.region], truth[~record.region])
        assert (before != truth).any()
        assert record.worn is not None
        assert record.region[record.worn].all()


def test_neither_people_nor_garments_span_splits(source: DancersTryOnSource) -> None:
    people: dict[str, set[str]] = {}
    garments: dict[str, set[str]] = {}
    for split in source.splits:
        held = records(source, split)
        part = split.removesuffix("_unpaired")
        people.setdefault(part, set()).update(record.info.identity for record in held)
        garments.setdefault(part, set()).update(record.info.garment for record in held)
        assert len({record.key for record in held}) == len(held)
    for one, two in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not people[one] & people[two]
        assert not garments[one] & garments[two]


def test_held_out_people_stay_the_same_whatever_the_numbers(source: DancersTryOnSource) -> None:
    other = DancersTryOnSource(people=1, held_out=3, outfits=1, height=64, width=48)
    ours, theirs = (records(each, "test_unpaired") for each in (source, other))
    assert [encode_pair(record) for record in ours] == [encode_pair(record) for record in theirs[:2]]


def test_samples_survive_their_shards(source: DancersTryOnSource, tmp_path: Path) -> None:
    for record in records(source, "val_unpaired"):
        again = decode_pair(encode_pair(record))
        assert again.truth == record.truth
        np.testing.assert_array_equal(again.worn, record.worn)
    index = build_split(tmp_path / "train", "train", source.samples("train", 1), kind="tryon", per_shard=4)
    assert index.num_samples == 9


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--outfits must be 1 to 100"):
        DancersTryOnSource(people=1, held_out=1, outfits=101, height=64, width=64).write_new(tmp_path, workers=1)
    with pytest.raises(InputError, match="32 pixels"):
        DancersTryOnSource(people=1, held_out=1, height=16, width=64).write_new(tmp_path, workers=1)

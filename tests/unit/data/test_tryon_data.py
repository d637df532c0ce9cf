"""Try-on shards: what is written is read, person, region and pose stay together."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.shards import write_shards
from humangen.data.augment import Augmentation
from humangen.data.framing import Framing
from humangen.data.schema import PairInfo, PairRecord, decode_pair, encode_pair, is_of
from humangen.data.tryon import TryOnData, make_pair_example
from humangen.media import decode_picture, encode_picture
from humangen.pose.keypoints import NUM_KEYPOINTS
from humangen.types import InputError, TryOnBatch

HEIGHT, WIDTH = 64, 48


def pair(key: str = "p") -> PairRecord:
    """A grey person with a white region of which the nose is the upper left corner; a garment with a red left half."""
    person = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    region = np.zeros((HEIGHT, WIDTH), bool)
    region[16:32, 8:24] = True
    person[region] = 255
    garment = np.full((40, 40, 3), 200, np.uint8)
    garment[:, :20] = (255, 0, 0)
    keypoints = np.zeros((NUM_KEYPOINTS, 3), np.float32)
    keypoints[0] = 8 / WIDTH, 16 / HEIGHT, 1
    keypoints[1] = 16 / WIDTH, 24 / HEIGHT, 1
    info = PairInfo("test", f"person-{key}", "train", "g", "upper", HEIGHT, WIDTH, "cihp")
    parse = np.where(region, 5, 0).astype(np.uint8)
    return PairRecord(key, encode_picture(person), encode_picture(garment), region, info, keypoints, parse)


def test_a_sample_comes_back_as_it_was() -> None:
    record = pair()
    again = decode_pair(encode_pair(record))
    assert (again.person, again.garment, again.info) == (record.person, record.garment, record.info)
    assert again.parse is not None
    assert again.keypoints is not None
    np.testing.assert_array_equal(again.region, record.region)
    np.testing.assert_array_equal(again.parse, record.parse)
    np.testing.assert_allclose(again.keypoints, record.keypoints, atol=1e-6)


@pytest.mark.parametrize("flip", [0.0, 1.0])
@pytest.mark.parametrize("size", [(64, 48), (32, 32), (128, 96)])
def test_person_region_and_pose_are_framed_alike(size: tuple[int, int], flip: float) -> None:
    height, width = size
    framing = Framing(height=height, width=width, flip=flip)
    example = make_pair_example(encode_pair(pair()), 0, framing=framing)
    assert example.person.shape == example.pose.shape == example.garment.shape == (height, width, 3)
    white = example.person.mean(-1) > 172
    assert (white == example.region).mean() > 0.96
    assert not (white & ~example.region).any()
    assert white.any()
    drawn = example.pose.max(-1) > 0
    rows, columns = np.nonzero(drawn)
    middle = np.argwhere(example.region).mean(0)
    assert abs(rows.mean() - middle[0]) < height / 6
    assert abs(columns.mean() - middle[1]) < width / 6
    red = (example.garment[..., 0] > 220) & (example.garment[..., 1] < 120)
    assert (np.nonzero(red)[1].mean() > width / 2) == bool(flip)


@pytest.mark.parametrize("augmentation", [None, Augmentation(shift=0.2, scale=0.2)], ids=["plain", "moved"])
@pytest.mark.parametrize("size", [(64, 48), (40, 30), (24, 24), (128, 96)])
def test_nothing_under_the_region_comes_to_lie_beside_it(
    size: tuple[int, int], augmentation: Augmentation | None
) -> None:
    """Resizing and moving mix neighbouring pixels: those of which some are of the region belong to it."""
    framing, record = Framing(height=size[0], width=size[1]), pair()
    record = replace(record, region=np.roll(record.region, (2, 1), (0, 1)))
    person = decode_picture(record.person, "person")
    noise = np.random.default_rng(0).integers(0, 256, person.shape, np.uint8)
    other = replace(record, person=encode_picture(np.where(record.region[..., None], noise, person)))
    for seed in range(4):
        make = partial(make_pair_example, framing=framing, augmentation=augmentation)
        one, two = (make(encode_pair(each), seed) for each in (record, other))
        np.testing.assert_array_equal(one.region, two.region)
        np.testing.assert_array_equal(one.person[~one.region], two.person[~one.region])
        assert (one.person != two.person).any()


def test_the_data_module_gives_batches(tmp_path: Path) -> None:
    for split in ("train", "test"):
        index = write_shards(tmp_path / split, split, map(encode_pair, map(pair, "abc")), kind="tryon", per_shard=2)
        index.write(tmp_path / split)
    framing = Framing(height=32, width=24)
    data = TryOnData(
        shards=str(tmp_path), batch_size=2, eval_batch_size=3, seed=0, train_framing=framing, eval_framing=framing
    )
    data.setup("fit")
    batch = next(data.batches(data.train_dataloader()))
    assert isinstance(batch, TryOnBatch)
    assert batch.person.shape == batch.garment.shape == batch.pose.shape == (2, 3, 32, 24)
    assert batch.region.shape == (2, 1, 32, 24)
    assert batch.region.dtype == torch.bool
    assert [key for each in data.batches(data.val_dataloader()) for key in each.keys] == ["a", "b", "c"], "of train"
    assert [key for each in data.batches(data.test_dataloader()) for key in each.keys] == ["a", "b", "c"]


def test_an_evaluation_is_of_one_category(tmp_path: Path) -> None:
    records = [pair("a"), pair("b"), pair("c")]
    records[1] = replace(records[1], info=replace(records[1].info, category="dress"))
    write_shards(tmp_path / "test", "test", map(encode_pair, records), kind="tryon", per_shard=2).write(
        tmp_path / "test"
    )
    framing = Framing(height=32, width=24)
    given = {"shards": str(tmp_path), "batch_size": 2, "eval_batch_size": 3, "seed": 0}
    given |= {"train_framing": framing, "eval_framing": framing}

    def keys(category: str | None) -> list[str]:
        data = TryOnData(category=category, **given)
        return [key for each in data.batches(data.test_dataloader()) for key in each.keys]

    assert [keys(category) for category in (None, "upper", "lower", "dress")] == [
        ["a", "b", "c"],
        ["a", "c"],
        [],
        ["b"],
    ]
    with pytest.raises(InputError, match="no category 'shoes'; there are upper, lower, dress"):
        keys("shoes")
    with pytest.raises(InputError, match="sample d does not say of which category its garment is"):
        is_of("dress", {"__key__": "d", "json": b"{}"})


def test_a_sample_without_its_garment_is_named() -> None:
    members = encode_pair(pair("lost"))
    del members["garment.png"]
    with pytest.raises(InputError, match="sample lost has no garment"):
        decode_pair(members)

"""The shard format: what goes in comes out, and what is broken is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from humangen.data.index import INDEX, Index
from humangen.data.schema import decode_clip, encode_clip
from humangen.types import InputError
from tests.unit.tiny import FRAMES, SIDE, tiny_record, tiny_shards


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_shards(tmp_path, 3, per_shard=2)[0]


def change(folder: Path, **values: object) -> None:
    content = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps({**content, **values}))


@pytest.mark.parametrize("figure", [True, False])
def test_a_record_comes_out_as_it_went_in(figure: bool) -> None:
    record = tiny_record("a", figure=figure)
    again = decode_clip(encode_clip(record))
    assert (again.key, again.video, again.info) == (record.key, record.video, record.info)
    np.testing.assert_array_equal(again.keypoints, record.keypoints)
    assert again.keypoints.dtype == np.float32
    np.testing.assert_array_equal(again.figure, record.figure)
    assert again.open().frames([1, 0]).shape == (2, SIDE, SIDE, 3)


def test_a_figure_of_odd_width_comes_out_as_it_went_in() -> None:
    record = tiny_record("a")
    object.__setattr__(record, "figure", record.figure[:, :, :61])
    np.testing.assert_array_equal(decode_clip(encode_clip(record)).figure, record.figure)


@pytest.mark.parametrize("field", ["mp4", "pose.npz", "json"])
def test_a_missing_member_is_named(field: str) -> None:
    members = encode_clip(tiny_record("lonely"))
    del members[field]
    with pytest.raises(InputError, match=f"lonely has no {field}"):
        decode_clip(members)


@pytest.mark.parametrize("field", ["pose.npz", "json", "figure.npz"])
@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:40], lambda data: b"text" * 30])
def test_a_broken_member_names_the_sample(field: str, damage) -> None:
    members = encode_clip(tiny_record("lonely"))
    members[field] = damage(members[field])
    with pytest.raises(InputError, match="sample lonely"):
        decode_clip(members)


def test_video_and_keypoints_of_different_lengths_are_refused() -> None:
    record = tiny_record("a")
    object.__setattr__(record, "keypoints", record.keypoints[:-1])
    with pytest.raises(InputError, match=f"{FRAMES} frames of video but {FRAMES - 1}"):
        record.open()


def test_an_index_comes_out_as_it_went_in(tmp_path: Path) -> None:
    folder, index = tiny_shards(tmp_path, 3, per_shard=2)
    assert Index.load(folder, "animation") == index
    assert [shard.num_samples for shard in index.shards] == [2, 1]
    assert index.num_samples == 3


@pytest.mark.parametrize(("values", "message"), [
    ({"version": 99}, "version 99, this program reads version 1"),
    ({"version": None}, "version None"),
    ({"kind": "tryon"}, "'tryon' samples where 'animation'"),
])  # fmt: skip
def test_an_index_of_another_kind_or_version_is_refused(folder: Path, values: dict, message: str) -> None:
    change(folder, **values)
    with pytest.raises(InputError, match=message):
        Index.load(folder, "animation")


def test_a_folder_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="python -m data_prep"):
        Index.load(tmp_path / "nowhere", "animation")


def test_a_tar_that_is_not_there_is_named(folder: Path) -> None:
    (folder / "000001.tar").unlink()
    with pytest.raises(InputError, match=r"000001\.tar"):
        Index.load(folder, "animation")


def test_a_tar_of_another_size_is_named(folder: Path) -> None:
    data = (folder / "000001.tar").read_bytes()
    (folder / "000001.tar").write_bytes(data[:-1024])
    with pytest.raises(InputError, match=r"000001\.tar"):
        Index.load(folder, "animation")


OWN = {"version": 1, "kind": "animation", "split": "train"}


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps(OWN), json.dumps({**OWN, "shards": [{"name": "a"}]})])
def test_an_index_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / INDEX).write_text(text)
    with pytest.raises(InputError, match=INDEX):
        Index.load(folder, "animation")

"""The order of samples: repeatable, disjoint, complete, equally long for all, and nothing read that is not needed."""

from __future__ import annotations

import io
import itertools
import tarfile
from pathlib import Path
from typing import Any

import pytest
import webdataset as wds
from upath import UPath

from humangen.data.cache import ShardCache
from humangen.data.index import Index, Shard
from humangen.data.stream import (
    Row,
    Shelf,
    Stream,
    evaluation_samples,
    shard_order,
    training_samples,
)
from humangen.data.tars import read_shard
from humangen.types import InputError
from tests.unit.tiny import tiny_shards

COUNT = 13


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Index]:
    """13 samples in shards of 4, 4, 4 and 1."""
    return tiny_shards(tmp_path_factory.mktemp("stream"), COUNT, per_shard=4)


def keys(shards: tuple[Path, Index], stream: Stream, *, seed: int = 0, buffer: int = 5, epochs: int = 1) -> list:
    """The (epoch, key) of one stream's first epochs."""
    samples = training_samples(Shelf(*shards), stream, seed=seed, buffer=buffer)
    return [(epoch, sample["__key__"]) for epoch, sample in itertools.takewhile(lambda pair: pair[0] < epochs, samples)]


def everyone(epochs: int = 1) -> list[tuple[int, str]]:
    return [(epoch, f"s{number:02d}") for epoch in range(epochs) for number in range(COUNT)]


def test_the_same_seed_gives_the_same_order(shards) -> None:
    assert keys(shards, Stream(), epochs=3) == keys(shards, Stream(), epochs=3)
    assert keys(shards, Stream()) != keys(shards, Stream(), seed=1)


def test_epochs_are_whole_and_in_different_orders(shards) -> None:
    order = keys(shards, Stream(), epochs=3)
    assert sorted(order) == everyone(3)
    passes = [[key for epoch, key in order if epoch == number] for number in range(3)]
    assert passes[0] != passes[1] != passes[2] != passes[0]


@pytest.mark.parametrize("buffer", [1, 5, 1000])
def test_any_buffer_keeps_every_sample(shards, buffer: int) -> None:
    assert sorted(keys(shards, Stream(), buffer=buffer)) == everyone()


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 13, 20])
def test_streams_share_out_every_sample_once(shards, count: int) -> None:
    """4 shards, and also more streams than samples: they take turns."""
    parts = [keys(shards, Stream(index, count), epochs=2) for index in range(count)]
    assert sorted(itertools.chain(*parts)) == everyone(2)
    for epoch in range(2):
        sizes = {sum(number == epoch for number, _ in part) for part in parts}
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("total", "count"), [(13, 4), (3, 7), (12, 4), (1, 1), (5, 8)])
def test_after_as_many_epochs_as_streams_all_have_had_equally_many(total: int, count: int) -> None:
    for index in range(count):
        stream = Stream(index, count)
        sizes = [len(stream.share(total, epoch)) for epoch in range(2 * count)]
        assert sum(sizes[:count]) == sum(sizes[count:]) == total
        for drawn in range(2 * total):
            epoch, within = stream.position(total, drawn)
            assert within < sizes[epoch]
            assert sum(sizes[:epoch]) + within == drawn


@pytest.mark.parametrize("num_shards", [500, 512 * 8, 9000])
def test_512_ranks_of_8_workers_starve_and_repeat_nothing(num_shards: int) -> None:
    """Fewer shards than streams, as many, and more; shards of 9 to 12 samples, the last of 3."""
    sizes = [9 + number * 7 % 4 for number in range(num_shards - 1)] + [3]
    total, count = sum(sizes), 512 * 8
    order = shard_order(num_shards, seed=0, epoch=7)
    assert order != shard_order(num_shards, seed=0, epoch=8)
    row = Row(sizes, order)
    parts = [row.ids(Stream(index, count).share(total, 7)) for index in range(count)]
    assert {len(ids) for ids in parts} == {total // count, total // count + 1}
    together = list(itertools.chain(*parts))
    assert len(together) == len(set(together)) == total
    assert all(number < sizes[shard] for shard, number in together)
    opened = sum(len({shard for shard, _ in ids}) for ids in parts)
    assert opened < num_shards + count  # a stream begins and ends inside of a shard, and opens no other in vain


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 13, 20])
@pytest.mark.parametrize("limit", [None, 0, 6, 99])
def test_evaluation_streams_share_out_every_sample_once(shards, count: int, limit: int | None) -> None:
    parts = [
        [sample["__key__"] for sample in evaluation_samples(Shelf(*shards), Stream(index, count), limit=limit)]
        for index in range(count)
    ]
    assert list(itertools.chain(*parts)) == [key for _, key in everyone()][:limit]
    assert len(parts[0]) == max(map(len, parts)), "the first rank paints samples, and must have one if any has"


class Opened(ShardCache):
    """Remembers what was opened."""

    names: list[str] = []

    def place(self, path: UPath, shard: Shard) -> UPath:
        self.names.append(shard.name)
        return path


def test_a_resumed_stream_goes_on_with_the_tail_and_opens_only_what_is_to_come(shards) -> None:
    whole = keys(shards, Stream(1, 2), buffer=2, epochs=12)
    for start in (0, 1, 3, 6, 7, 50):
        resumed = training_samples(Shelf(*shards), Stream(1, 2), seed=0, buffer=2, start=start)
        found = [(epoch, sample["__key__"]) for epoch, sample in itertools.islice(resumed, len(whole) - start)]
        assert found == whole[start:]
    Opened.names.clear()
    start = next(place for place, (epoch, _) in enumerate(whole) if epoch == 9) - 1
    samples = training_samples(Shelf(*shards, Opened()), Stream(1, 2), seed=0, buffer=2, start=start)
    (_, last), (_, first) = next(samples), next(samples)
    of = {key: f"{number // 4:06d}.tar" for number, (_, key) in enumerate(everyone())}
    assert Opened.names[0] == of[last["__key__"]], "the only shard of epoch 8 that holds what is to come"
    assert of[first["__key__"]] in Opened.names[1:]
    assert len(Opened.names) <= 3


def test_only_the_wanted_samples_are_read(shards) -> None:
    folder, _ = shards
    found = list(read_shard(UPath(folder / "000001.tar"), {1, 3}))
    assert [(number, sample["__key__"]) for number, sample in found] == [(1, "s05"), (3, "s07")]
    assert len(found[0][1]["mp4"]) > 100
    assert sorted(set(found[0][1]) - {"__key__", "__url__"}) == ["json", "mp4", "pose.npz"]


def cut_shard(folder: Path) -> tuple[Path, Index]:
    """Six samples in two shards, of which the first breaks off in its second sample."""
    folder, index = tiny_shards(folder, 6, per_shard=3)
    tar = folder / "000000.tar"
    with tarfile.open(tar) as archive:
        cut = archive.getmember("s01.mp4").offset_data + 100
    tar.write_bytes(tar.read_bytes()[:cut])
    return folder, index


@pytest.mark.parametrize("buffer", [1, 4])
def test_what_a_cut_tar_lacks_is_named_in_its_place(tmp_path: Path, buffer: int) -> None:
    shelf = Shelf(*cut_shard(tmp_path))
    samples = list(itertools.islice(training_samples(shelf, Stream(), seed=0, buffer=buffer), 12))
    for epoch in range(2):
        given = [sample for number, sample in samples if number == epoch]
        broken = sorted(str(sample) for sample in given if isinstance(sample, InputError))
        assert len(given) == 6
        assert [text.partition(":")[0] for text in broken] == [f"sample {n} of shard 000000.tar" for n in (1, 2)]
        sound = {sample["__key__"] for sample in given if not isinstance(sample, InputError)}
        assert sound == {"s00", "s03", "s04", "s05"}
    with pytest.raises(InputError, match="a shard in .* is broken: sample 1 of shard 000000.tar"):
        list(evaluation_samples(shelf))


def write_tar(path: Path, members: dict[str, bytes | None], **how: Any) -> Path:
    """A tar of files, and of folders where there are no bytes."""
    with tarfile.open(path, "w", **how) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.type, member.size = (tarfile.DIRTYPE, 0) if data is None else (tarfile.REGTYPE, len(data))
            archive.addfile(member, io.BytesIO(data or b""))
    return path


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_samples_are_those_that_webdataset_reads(tmp_path: Path, kind: int) -> None:
    long = "a" * 90 + "/" + "b" * 60
    members = {"no_ending": b"?", "folder.of/": None, f"{long}.json": b"1", f"{long}.Pose.NPZ": b"2" * 600,
               "c.d/e.mp4": b"", "c.d/e.json": b"3", "f.json": b"4"}  # fmt: skip
    tar = write_tar(tmp_path / "shard.tar", members, format=kind)
    with tar.open("rb") as file:
        files = list(wds.tariterators.tar_file_iterator(file))
    expected = list(wds.tariterators.group_by_keys([file | {"__url__": str(tar)} for file in files]))
    assert [sample for _, sample in read_shard(UPath(tar))] == expected
    assert [number for number, _ in read_shard(UPath(tar))] == [0, 1, 2]
    ((_, left),) = read_shard(UPath(tar), {0}, frozenset({"pose.npz"}))
    assert left["json"] == b"1"
    with left["pose.npz"].opened() as read:
        assert read([(0, 1), (598, 600)]) == [b"2", b"22"]


def test_headers_are_read_once_and_again_where_the_file_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar = write_tar(tmp_path / "shard.tar", {"a.json": b"1", "b.json": b"2"})
    assert [sample["json"] for _, sample in read_shard(UPath(tar))] == [b"1", b"2"]
    with monkeypatch.context() as patch:
        patch.setattr(tarfile, "open", lambda **options: pytest.fail("the headers are read again"))
        assert [sample["json"] for _, sample in read_shard(UPath(tar), {1})] == [b"2"]
    write_tar(tar, {"a.json": b"345", "b.json": b"6"})
    assert [sample["json"] for _, sample in read_shard(UPath(tar))] == [b"345", b"6"]


def test_a_field_that_a_sample_has_twice_is_named(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "shard.tar", {"a.json": b"1", "a.JSON": b"2"})
    with pytest.raises(InputError, match=r"shard.tar holds a.JSON twice"):
        list(read_shard(UPath(tar)))


def test_a_tar_with_fewer_samples_than_its_index_lists_is_broken(shards) -> None:
    folder, index = shards
    more = [Shard(shard.name, shard.num_samples + 1, shard.num_bytes, shard.sha256) for shard in index.shards]
    with pytest.raises(InputError, match="sample 4 of shard 000000.tar: .*000000.tar does not hold it"):
        list(evaluation_samples(Shelf(folder, Index("animation", "train", tuple(more)))))

"""Shards of URLs: copied, checked, tried again, limited; what cannot be had is named and never waited for."""

from __future__ import annotations

import functools
import http.server
import itertools
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from torch.utils.data import DataLoader
from upath import UPath

from humangen.data.batches import Source, TrainingBatches
from humangen.data.cache import ShardCache, within
from humangen.data.index import Index
from humangen.data.stream import Shelf, Stream, evaluation_samples, training_samples
from humangen.data.tars import Stored, read_shard
from humangen.types import Drawn, InputError
from tests.unit.tiny import tiny_shards

pytestmark = pytest.mark.filterwarnings("ignore:UPath 'moody'")


class Moody(LocalFileSystem):
    """This disk, with a mood for each file name: `faults` of them are shown first."""

    protocol = "moody"
    moods: ClassVar[dict[str, str]] = {}
    faults: ClassVar[dict[str, int]] = {}
    opened: ClassVar[list[str]] = []

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        name = Path(path).name
        Moody.opened.append(name)
        file = super()._open(path, mode, **options)
        if Moody.faults.get(name, 0) > 0:
            Moody.faults[name] -= 1
            mood = Moody.moods[name]
            if mood == "refuses":
                raise ConnectionResetError("the line is cut")
            file.read = {"stalls": lambda size=-1: time.sleep(30), "lies": lambda size=-1: file.f.read(size)[:-1]}[mood]
        return file


fsspec.register_implementation("moody", Moody, clobber=True)


@pytest.fixture
def shards(tmp_path: Path) -> tuple[UPath, Index]:
    """Nine samples in three shards, behind a moody file system."""
    folder, index = tiny_shards(tmp_path / "far", 9, per_shard=3)
    for memory in (Moody.moods, Moody.faults, Moody.opened):
        memory.clear()
    return UPath(f"moody://{folder}"), index


def cache(folder: Path, **changes: Any) -> ShardCache:
    return ShardCache(str(folder / "cache"), **{"timeout": 0.2, "attempts": 3, "pause": 0.01, **changes})


def keys(samples: Iterator[Any]) -> list[str]:
    return [sample["__key__"] for sample in samples]


def moody(name: str, mood: str, faults: int) -> None:
    Moody.moods[name], Moody.faults[name] = mood, faults


def copies(folder: Path) -> set[str]:
    return {path.name for path in (folder / "cache").iterdir() if path.suffix != ".lock"}


def test_a_shard_comes_once_and_is_what_the_index_lists(shards, tmp_path: Path) -> None:
    shelf = Shelf(*shards, cache(tmp_path))
    for _ in range(2):
        assert keys(evaluation_samples(shelf)) == [f"s{number:02d}" for number in range(9)]
    assert Moody.opened == ["000000.tar", "000001.tar", "000002.tar"]
    assert copies(tmp_path) == {f"{shard.sha256}.tar" for shard in shards[1].shards}


@pytest.mark.parametrize("mood", ["refuses", "stalls", "lies"])
def test_what_fails_twice_is_tried_a_third_time(shards, tmp_path: Path, mood: str, capsys) -> None:
    moody("000001.tar", mood, 2)
    began = time.monotonic()
    assert len(keys(evaluation_samples(Shelf(*shards, cache(tmp_path))))) == 9
    assert time.monotonic() - began < 5
    told = capsys.readouterr().out.splitlines()
    assert [line.partition("; ")[2].partition(" in")[0] for line in told] == ["attempt 2", "attempt 3"]
    assert all("000001.tar did not come" in line for line in told)


@pytest.mark.parametrize(
    ("mood", "reason"),
    [("refuses", "the line is cut"), ("stalls", "nothing came for 0.2 s"), ("lies", "are not the .* that the index")],
)
def test_what_always_fails_is_named_and_passed_over(shards, tmp_path: Path, mood: str, reason: str) -> None:
    moody("000001.tar", mood, 99)
    shelf = Shelf(*shards, cache(tmp_path))
    epoch = [sample for _, sample in itertools.islice(training_samples(shelf, Stream(), seed=0, buffer=4), 9)]
    broken = [sample for sample in epoch if isinstance(sample, InputError)]
    assert len(broken) == 3
    for error in broken:
        assert error.args[0].startswith("sample ")
        pytest.raises(InputError, throw, error).match(f"shard 000001.tar: moody://.*attempt 3: .*{reason}")
    assert len(copies(tmp_path)) == 2, "of what was broken nothing stays"
    with pytest.raises(InputError, match=f"is broken.*000001.tar.*{reason}"):
        list(evaluation_samples(shelf))


def throw(error: Exception) -> None:
    raise error


def test_what_is_not_there_is_not_tried_again(shards, tmp_path: Path) -> None:
    Path(shards[0].path, "000001.tar").unlink()
    with pytest.raises(InputError, match="000001.tar cannot be fetched, attempt 1: FileNotFoundError"):
        list(evaluation_samples(Shelf(*shards, cache(tmp_path))))


def test_training_goes_on_where_a_whole_batch_is_gone(shards, tmp_path: Path) -> None:
    """Batches of one; the samples of a broken shard are stood in for by the next sound one, which is not lost."""
    moody("000001.tar", "refuses", 10**6)
    source = Source(Shelf(*shards, cache(tmp_path, attempts=1)), lambda sample, *seed: sample["__key__"])
    batches = TrainingBatches(sources=[source], collate=lambda examples, drawn: (examples, drawn), batch_size=1,
                              seed=0, shuffle_buffer=2, ranks=Stream(), start=0)  # fmt: skip
    epoch: list[tuple[list[str], Drawn]] = list(itertools.islice(batches, 9))
    gone = [drawn for _, drawn in epoch if drawn.skipped]
    assert len(gone) == 3
    assert all(drawn.counts["data"].samples == 0 and drawn.counts["data"].skipped == 1 for drawn in gone)
    in_turn = [key for keys, drawn in epoch if not drawn.skipped for key in keys]
    assert sorted(in_turn) == ["s00", "s01", "s02", "s06", "s07", "s08"]
    assert all(len(keys) == 1 for keys, _ in epoch)


def test_the_longest_unused_copies_go_first(shards, tmp_path: Path) -> None:
    size = max(shard.num_bytes for shard in shards[1].shards)
    small = cache(tmp_path, gigabytes=2.5 * size / 1e9)
    shelf = Shelf(*shards, small)
    first, second, third = (f"{shard.sha256}.tar" for shard in shards[1].shards)
    for number, left in ((0, {first}), (1, {first, second}), (0, {first, second}), (2, {first, third})):
        list(shelf.read([(number, 0)]))
        assert copies(tmp_path) == left
        time.sleep(0.01)  # times of files are no finer


def test_a_member_left_in_a_copy_that_has_gone_is_fetched_again(shards, tmp_path: Path) -> None:
    shelf = Shelf(*shards, cache(tmp_path))
    ((_, sample),) = shelf.read([(1, 2)], left=frozenset({"json"}))
    for name in copies(tmp_path):
        (tmp_path / "cache" / name).unlink()
    stored = sample["json"]
    assert isinstance(stored, Stored)
    ((_, whole),) = read_shard(UPath(shards[0].path) / "000001.tar", {2})
    with stored.opened() as read:
        assert read([(0, stored.size)]) == [whole["json"]]


def test_a_copy_that_makes_room_before_it_is_opened_is_fetched_again(shards, tmp_path: Path, monkeypatch) -> None:
    fetch, robbed = ShardCache._fetch, []

    def fetched(self: ShardCache, path: UPath, shard: Any, copy: Path) -> None:
        fetch(self, path, shard, copy)
        if not robbed:
            robbed.append(copy)
            copy.unlink()

    monkeypatch.setattr(ShardCache, "_fetch", fetched)
    assert len(keys(evaluation_samples(Shelf(*shards, cache(tmp_path))))) == 9
    assert (len(robbed), len(Moody.opened)) == (1, 4)


def test_half_a_copy_of_a_process_that_was_killed_is_not_taken(shards, tmp_path: Path) -> None:
    one, two, _ = shards[1].shards
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f".{one.sha256}.7.tar").write_bytes(b"half")
    (tmp_path / "cache" / f"{two.sha256}.tar").write_bytes(b"")  # the power went
    assert len(keys(evaluation_samples(Shelf(*shards, cache(tmp_path))))) == 9
    assert copies(tmp_path) == {f"{shard.sha256}.tar" for shard in shards[1].shards}


def read_all(folder: str, index: Index, place: str, counts: Any) -> None:
    Moody.opened.clear()
    samples = keys(evaluation_samples(Shelf(UPath(folder), index, ShardCache(place))))
    counts.put((len(samples), len(Moody.opened)))


def test_processes_fetch_a_shard_once_between_them(shards, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    counts = fork.Queue()
    arguments = (str(shards[0]), shards[1], str(tmp_path / "cache"), counts)
    processes = [fork.Process(target=read_all, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    found = [counts.get(timeout=60) for _ in processes]
    assert [samples for samples, _ in found] == [9, 9, 9]
    assert sum(opened for _, opened in found) == 3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_loader_workers_read_over_http(server: str, tmp_path: Path) -> None:
    """The parent has spoken to the server before the worker forks: connections do not outlive that."""
    tiny_shards(tmp_path / "far", 5, per_shard=2)
    folder = UPath(f"{server}/far/train")
    shelf = Shelf(folder, Index.load(folder, "animation"), cache(tmp_path, timeout=5))
    source = Source(shelf, lambda sample, *seed: sample["__key__"])
    batches = TrainingBatches(sources=[source], collate=lambda examples, drawn: (examples, drawn.skipped), batch_size=5,
                              seed=0, shuffle_buffer=2, ranks=Stream(), start=0)  # fmt: skip
    keys, skipped = next(iter(DataLoader(batches, batch_size=None, num_workers=1)))
    assert (sorted(keys), skipped) == ([f"s{number:02d}" for number in range(5)], [])


def test_what_takes_too_long_is_left_to_itself() -> None:
    with pytest.raises(TimeoutError, match="nothing came for 0.05 s"):
        within(0.05, functools.partial(time.sleep, 20))
    with pytest.raises(ZeroDivisionError):
        within(1, lambda: 1 // 0)
    assert within(1, os.getpid) == os.getpid()

"""Shards that a command brings: as good as files, and never a short one where the command fails."""

from __future__ import annotations

import itertools
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader

from data_prep.sources.prepared import Prepared
from humangen.data import pipe
from humangen.data.batches import Source, TrainingBatches
from humangen.data.cache import ShardCache
from humangen.data.index import INDEX, Index
from humangen.data.pipe import folder_of
from humangen.data.stream import Shelf, Stream, evaluation_samples, training_samples
from humangen.types import InputError
from tests.unit.tiny import tiny_shards

KEYS = [f"s{number:02d}" for number in range(4)]


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """Four samples in two shards, in a folder with a name that a shell would split."""
    tiny_shards(tmp_path / "a set", 4, per_shard=2)
    return tmp_path / "a set"


@pytest.fixture
def script(far: Path, tmp_path: Path) -> Callable[[str], str]:
    """The root whose command does `words` with the file $f, or as it should where the file is no tar."""

    def written(words: str) -> str:
        path = tmp_path / "bring.sh"
        path.write_text(f'f={shlex.quote(str(far))}/"$1"\ncase "$f" in\n*.tar) {words} ;;\n*) cat "$f" ;;\nesac\n')
        return f"pipe:sh {path} {{}}"

    return written


def shelf_of(root: str, folder: Path, **changes: Any) -> Shelf:
    cache = ShardCache(str(folder / "cache"), **{"timeout": 5, "attempts": 2, "pause": 0.01, **changes})
    train = folder_of(root) / "train"
    return Shelf(train, Index.load(train, "animation"), cache)


def keys(shelf: Shelf) -> list[str]:
    return [sample["__key__"] for sample in evaluation_samples(shelf)]


def test_samples_are_those_of_the_files(far: Path, tmp_path: Path) -> None:
    root = f"pipe:cat {shlex.quote(str(far))}/{{}} | cat"
    assert keys(shelf_of(root, tmp_path)) == KEYS
    assert str(folder_of(root)) == root
    assert str(folder_of(root) / "train" / INDEX) == root.replace("{}", "train/index.json")


def test_loader_workers_run_the_command(far: Path, tmp_path: Path) -> None:
    shelf = shelf_of(f"pipe:cat {shlex.quote(str(far))}/{{}}", tmp_path)
    batches = TrainingBatches(
        sources=[Source(shelf, lambda sample, *seed: sample["__key__"])], collate=lambda examples, drawn: examples,
        batch_size=4, seed=0, shuffle_buffer=2, ranks=Stream(), start=0,
    )  # fmt: skip
    assert sorted(next(iter(DataLoader(batches, batch_size=None, num_workers=1)))) == KEYS


def test_a_name_in_an_index_is_no_command(far: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (far / "train" / "$(touch ran).tar").write_bytes(b"x")
    path = folder_of(f"pipe:cat {shlex.quote(str(far))}/{{}}") / "train" / "$(touch ran).tar"
    monkeypatch.chdir(tmp_path)
    assert path.read_bytes() == b"x"
    assert not (tmp_path / "ran").exists()


FAULTS = {
    'cat "$f"; echo no rights >&2; exit 3': "OSError: exit code 3 of the command sh .*: no rights",
    'no-such-program "$f"': "OSError: exit code 127 of the command sh .*: .* not found",
    'head -c 700 "$f"': "its 700 bytes are not the .* that the index lists",
    'head -c 700 "$f"; sleep 60 & wait': "nothing came for 0.3 s from the command sh .*train/000000.tar",
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_command_that_fails_is_named_and_gives_nothing(
    words: str, script: Callable[[str], str], tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "SILENCE", 0.3)
    shelf, began = shelf_of(script(words), tmp_path), time.monotonic()
    with pytest.raises(InputError, match=f"bring.sh train/000000.tar cannot be fetched, attempt 2: .*{FAULTS[words]}"):
        keys(shelf)
    assert "bring.sh train/000000.tar did not come" in capsys.readouterr().out
    assert not list((tmp_path / "cache").glob("*.tar"))
    taken = itertools.islice(training_samples(shelf, Stream(), seed=0, buffer=4), 4)
    assert all(isinstance(sample, InputError) for _, sample in taken)
    assert time.monotonic() - began < 10


def test_what_stands_ends_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "SILENCE", 0.3)
    child = tmp_path / "child"
    path = folder_of(f"pipe:sleep 60 & echo $! > {child}; wait; echo {{}}") / "x"
    with pytest.raises(TimeoutError), path.open("rb") as file:
        file.read()
    status = Path(f"/proc/{child.read_text().strip()}/status")
    for _ in range(50):
        if not status.exists() or "State:\tZ" in status.read_text():
            break
        time.sleep(0.1)
    else:
        pytest.fail("it is still there")


def test_a_command_that_goes_on_in_silence_after_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "SILENCE", 0.3)
    with pytest.raises(TimeoutError, match="it does not end"):
        (folder_of("pipe:echo {}; exec >&-; sleep 60") / "x").read_bytes()


def test_a_split_that_is_not_there_is_told_with_what_the_command_says(far: Path, capsys: Any) -> None:
    root = f"pipe:cat {shlex.quote(str(far))}/{{}}"
    assert (folder_of(root) / "train" / INDEX).is_file()
    assert not (folder_of(root) / "val" / INDEX).is_file()
    assert "No such file" in capsys.readouterr().out
    Prepared("make them").ensure(root)
    with pytest.raises(InputError, match="no val shards in pipe:cat"):
        Prepared("make them", split="val").ensure(root)
    with pytest.raises(InputError, match="cannot be read: exit code 1 of the command cat .*val/index.json"):
        Index.load(folder_of(root) / "val", "animation")


def test_a_root_says_where_the_name_goes() -> None:
    with pytest.raises(InputError, match=r"write \{\} for it"):
        folder_of("pipe:aws s3 cp s3://bucket/set -")

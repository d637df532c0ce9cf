"""A preparation that is stopped anywhere goes on where it ended, redoes nothing, and ends with the same bytes."""

from __future__ import annotations

import functools
import itertools
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.data_prep.drawn import clip_folder, contents, prepare

STAGES = ("probe", "cut", "person", "pose", "transcode")
PLACES = {
    **{stage: f"data_prep.clips.{stage}" for stage in STAGES},
    "write": "data_prep.records.record",
    "verify": "data_prep.shards.verify_clip",
    "index": "data_prep.shards.Index.write",
    "install": "data_prep.place.install",
    "clear": "data_prep.install.shutil.rmtree",
    "ledger": "data_prep.place.write_ledger",
}


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stops") / "raw"
    for number in ("001", "002", "336"):
        clip_folder(folder / number, 3, 32, 32, seed=int(number))
    (folder / "003").mkdir()
    (folder / "003" / "1.png").write_bytes(b"nothing")
    return folder


@pytest.fixture(scope="module")
def unbroken(raw: Path) -> dict[str, str]:
    assert prepare("tiktok", raw, raw.with_name("unbroken")) == 0
    return contents(raw.with_name("unbroken"))


def around(patch: pytest.MonkeyPatch, place: str, act: Callable[[], None], *, behind: bool) -> None:
    """`act` before or behind each call of what has this dotted name."""
    owner, _, name = place.rpartition(".")
    function = getattr(pkgutil.resolve_name(owner), name)

    @functools.wraps(function)
    def watched(*values: Any, **options: Any) -> Any:
        if not behind:
            act()
        result = function(*values, **options)
        if behind:
            act()
        return result

    patch.setattr(pkgutil.resolve_name(owner), name, watched)


def at(number: int, error: BaseException) -> Callable[[], None]:
    """Raises `error` when it is called for the `number`th time."""
    calls = itertools.count(1)

    def act() -> None:
        if next(calls) == number:
            raise error

    return act


def results(out: Path) -> dict[str, int]:
    """The stages' results, and when they were written."""
    return {
        str(path): path.stat().st_mtime_ns
        for stage in STAGES
        for path in (out / ".prep" / stage).glob("*")
        if not path.name.startswith(".")
    }


def check_goes_on(raw: Path, out: Path, unbroken: dict[str, str]) -> None:
    done = results(out)
    assert prepare("tiktok", raw, out) == 0
    assert {path: when for path, when in results(out).items() if path in done} == done
    assert contents(out) == unbroken
    assert not [path for path in out.rglob(".*") if path.name != ".prep"]
    assert not list(out.rglob("*.shards"))


@pytest.mark.parametrize("place", PLACES)
def test_killed_at_each_stage(raw: Path, unbroken: dict[str, str], tmp_path: Path, place: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        around(patch, PLACES[place], at(2, Killed()), behind=place in ("install", "clear"))
        with pytest.raises(Killed):
            prepare("tiktok", raw, tmp_path / "out")
    check_goes_on(raw, tmp_path / "out", unbroken)


@pytest.mark.parametrize("number", range(2, 27, 5))
def test_killed_before_a_file_takes_its_name(raw: Path, unbroken: dict[str, str], tmp_path: Path, number: int) -> None:
    """With no time for `finally`: what was half written stays for the next run to find."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", lambda path, missing_ok=False: None)
        around(patch, "os.replace", at(number, Killed()), behind=False)
        with pytest.raises(Killed):
            prepare("tiktok", raw, tmp_path / "out")
    assert [path for path in (tmp_path / "out").rglob(".*") if path.name != ".prep"]
    check_goes_on(raw, tmp_path / "out", unbroken)


@pytest.mark.parametrize("place", ["cut", "write"])
def test_interrupted_it_says_one_line(raw: Path, unbroken, tmp_path: Path, capsys, place: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        around(patch, PLACES[place], at(2, KeyboardInterrupt()), behind=False)
        assert prepare("tiktok", raw, tmp_path / "out") == 130
    assert capsys.readouterr().err.splitlines() == ["stopped; the same command goes on where this one ended"]
    check_goes_on(raw, tmp_path / "out", unbroken)


@pytest.mark.parametrize("stage", ["probe", "transcode"])
def test_a_bug_in_one_clip_spares_the_others(raw: Path, tmp_path: Path, capsys, stage: str) -> None:
    """Whatever goes wrong has the clip's name and its kind in the ledger."""
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        around(patch, PLACES[stage], at(1, ZeroDivisionError("by nought")), behind=False)
        assert prepare("tiktok", raw, out) == 0
    assert "001: ZeroDivisionError: by nought" in (out / "ledger.jsonl").read_text()
    assert not capsys.readouterr().err
    assert prepare("tiktok", raw, out) == 0
    assert "ZeroDivisionError" not in (out / "ledger.jsonl").read_text()

"""A second run over try-on samples: regions that are drawn or changed, other options, and files that are lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from humangen.data.index import Index
from humangen.data.schema import PairRecord, decode_pair
from humangen.data.stream import Shelf, evaluation_samples
from humangen.media import write_picture
from tests.unit.data_prep.drawn import DrawnEstimator, contents, ledger, prepare, times


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_prep.tryon.estimator_of", lambda name, models: DrawnEstimator())


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Two people with regions, and a third without one."""
    for number, name in enumerate(("anna", "berta", "clara")):
        for kind, value in (("person", 40 * number), ("garment", 200 - 40 * number)):
            write_picture(tmp_path / "raw" / kind / f"{name}.png", np.full((32, 24, 3), value, np.uint8))
    for name in ("anna", "berta"):
        region(tmp_path / "raw" / "mask" / f"{name}.png", 8)
    (tmp_path / "masks").mkdir()
    return tmp_path / "raw"


@pytest.fixture
def out(raw: Path) -> Path:
    made = raw.with_name("out")
    assert again(raw, made) == 0
    return made


def region(path: Path, top: int) -> None:
    mask = np.zeros((32, 24), np.uint8)
    mask[top:20, 4:16] = 255
    write_picture(path, mask)


def again(raw: Path, out: Path, *more: str) -> int:
    return prepare("pairs", raw, out, "--split", "train", *more)


def samples(out: Path) -> dict[str, PairRecord]:
    read = evaluation_samples(Shelf(out / "train", Index.load(out / "train", "tryon")))
    return {record.key: record for record in map(decode_pair, read)}


def tops(out: Path) -> dict[str, int]:
    """The first row of each region."""
    return {key: int(record.region.any(1).argmax()) for key, record in samples(out).items()}


def redone(before: dict[str, int], out: Path) -> set[str]:
    after = times(out / ".prep")
    changed = {Path(path) for path, when in after.items() if before.get(path) != when}
    return {f"{path.parent.name}/{path.name}" for path in changed if path.parent.name != ".prep"}


def test_regions_that_the_ledger_asks_for_are_taken_in_the_same_folder(raw: Path, out: Path, capsys) -> None:
    assert tops(out) == {"anna": 8, "berta": 8}
    assert "name --masks" in ledger(out)[0]["reason"]
    before, masks = times(out / ".prep"), raw.with_name("masks")
    region(masks / "clara.png", 10)
    capsys.readouterr()
    assert again(raw, out, "--masks", str(masks)) == 0
    told = f"begun with masks None, now '{masks}': done anew from here on: region"
    assert told in capsys.readouterr().out.splitlines()
    assert tops(out) == {"anna": 8, "berta": 8, "clara": 10}
    assert not {path for path in redone(before, out) if path.startswith("pose")}

    before = times(out / ".prep")
    region(masks / "clara.png", 12)
    region(masks / "anna.png", 6)
    assert again(raw, out, "--masks", str(masks)) == 0
    assert tops(out) == {"anna": 6, "berta": 8, "clara": 12}
    assert redone(before, out) == {"probe/clara", "region/clara", "probe/anna", "region/anna"}

    (masks / "anna.png").unlink()
    assert again(raw, out, "--masks", str(masks)) == 0
    assert tops(out) == {"anna": 8, "berta": 8, "clara": 12}
    assert again(raw, raw.with_name("anew"), "--masks", str(masks)) == 0
    assert contents(raw.with_name("anew")) == contents(out)


@pytest.mark.parametrize(
    ("more", "stages"),
    [(["--size", "16"], {"region"}), (["--pose", "mediapipe"], {"pose", "region"}),
     (["--region", "rectangle"], {"region"}), (["--category", "dress"], {"region"}), (["--parser", "atr"], {"region"})],
)  # fmt: skip
def test_another_option_redoes_what_it_concerns(raw: Path, out: Path, more: list[str], stages: set[str]) -> None:
    before = times(out / ".prep")
    assert again(raw, out, *more) == 0
    assert {name.partition("/")[0] for name in redone(before, out)} == stages
    assert again(raw, raw.with_name("so"), *more) == 0
    assert contents(raw.with_name("so")) == contents(out)


def test_what_is_lost_stays_and_what_is_new_arrives(raw: Path, out: Path) -> None:
    before = samples(out)
    (raw / "person" / "anna.png").unlink()
    (raw / "person" / "berta.png").write_bytes((raw / "person" / "berta.png").read_bytes()[:40])
    region(raw / "mask" / "clara.png", 10)
    assert again(raw, out) == 0
    held = samples(out)
    assert {key: record.person for key, record in held.items() if key in before} == {
        key: record.person for key, record in before.items()
    }
    assert set(held) == {"anna", "berta", "clara"}
    stays = {line["key"] for line in ledger(out) if "what was made of it before stays in train" in line["reason"]}
    assert stays == {"anna", "berta"}
    assert {line["key"] for line in ledger(out) if line["outcome"] == "failed"} == {"berta"}


def test_killed_while_it_forgets_it_mixes_nothing(raw: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_picture(raw / "person" / "anna.png", np.full((32, 24, 3), 99, np.uint8))
    unlink, count = Path.unlink, 0

    def killed(path: Path, missing_ok: bool = False) -> None:
        nonlocal count
        unlink(path, missing_ok=missing_ok)
        count += path.name == "anna"
        if count == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", killed)
        assert again(raw, out) == 130
    assert again(raw, out) == 0
    assert again(raw, raw.with_name("anew")) == 0
    assert contents(raw.with_name("anew")) == contents(out)

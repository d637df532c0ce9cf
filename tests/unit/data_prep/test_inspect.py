"""`python -m data_prep inspect`: one page that shows what was prepared, and says what is odd about it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from upath import UPath

from data_prep.__main__ import main
from data_prep.inspect.figures import BOX, PALETTE, lay_over, outlined, row, tinted
from data_prep.inspect.folder import Split, open_splits, read_ledger
from data_prep.inspect.ledger import ledger_section
from data_prep.inspect.odd import odd
from data_prep.inspect.page import write_page
from data_prep.inspect.sheet import sheet
from data_prep.shards import MANIFEST, read_shard, write_shards
from humangen.data.schema import PairInfo, PairRecord, encode_clip, encode_pair
from humangen.media import encode_picture
from humangen.types import InputError
from tests.unit.tiny import SIDE, tiny_keypoints, tiny_record, tiny_shards, write_split

PARTS = {"train": ["a", "bb", "ccc"], "val": ["dddd"]}


def pair(key: str, split: str, *, area: float = 0.25, **changes: object) -> PairRecord:
    """A try-on sample whose region is a strip of the picture."""
    pixels = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    region = np.tile(np.arange(SIDE) < area * SIDE, (SIDE, 1))
    picture, parse = encode_picture(pixels), np.full((SIDE, SIDE), 5, np.uint8)
    info = PairInfo("test", f"person-{key[0]}", split, "shirt", "upper", SIDE, SIDE, "cihp")
    return replace(PairRecord(key, picture, picture, region, info, tiny_keypoints()[0], parse), **changes)


def write_pairs(folder: Path, split: str, records: Iterable[PairRecord]) -> None:
    samples = map(encode_pair, records)
    write_shards(folder / split, split, samples, kind="tryon", per_shard=2).write(folder / split)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two splits without a manifest; one clip has frames that are not used."""
    folder = tmp_path_factory.mktemp("clips")
    for split, keys in PARTS.items():
        records = [tiny_record(key) for key in keys]
        people = np.array([1, 0, 1, 3], np.uint8)
        box = replace(records[0].info, box=(0.1, 0.2, 0.8, 0.9))
        records[0] = replace(records[0], people=people, info=box)
        write_split(folder, split, records, per_shard=2)
    return folder


@pytest.fixture(scope="module")
def page(clips: Path) -> str:
    write_page(UPath(clips), clips / "page.html")
    return (clips / "page.html").read_text()


def test_the_page_shows_every_split_and_needs_nothing_else(page: str) -> None:
    sources = re.findall(r'(?:src|href)="([^"]{0,22})', page)
    assert len(sources) > 20
    assert all(source.startswith(("data:image/", "data:video/mp4;base64", "#")) for source in sources)
    for split, keys in PARTS.items():
        assert f'<a href="#{split}">{split}</a>' in page
        assert f'<h3 id="{split}">{split}: {len(keys)} of {len(keys)}</h3>' in page
        assert all(f"<b>{key}</b>" in page for key in keys)
    assert "frame 1: nobody" in page
    assert "frame 3: 3 people" in page
    assert page.count('class="nobody" src') == page.count('class="several" src') == 2


def test_the_same_folder_gives_the_same_page(clips: Path, page: str, tmp_path: Path) -> None:
    write_page(UPath(clips), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page


def test_a_clip_is_shown_where_most_of_the_person_is_seen() -> None:
    keypoints = tiny_keypoints()
    keypoints[0, 5:, 2] = keypoints[1, :, 2] = 0
    shown = row(encode_clip(replace(tiny_record("a"), keypoints=keypoints, people=np.array([1, 1, 2, 1]))), "animation")
    assert [picture.label for picture in shown.cells["picture"]] == ["frame 3"]
    assert [picture.label for picture in shown.cells["marked"]] == ["frame 1: no keypoint", "frame 2: 2 people"]
    np.testing.assert_allclose(shown.seen, [5 / 18, 0, 1, 1])
    assert [picture.moves for picture in shown.cells["moving"]] == [True]
    assert row(encode_clip(tiny_record("a")), "animation").cells.keys() == {"picture", "pose", "laid over", "moving"}


def test_few_samples_are_read_and_they_are_spread_evenly(tmp_path: Path) -> None:
    tiny_shards(tmp_path, 20, per_shard=3)
    split = open_splits(UPath(tmp_path))[0]
    assert [sample["__key__"] for sample in split.samples(8)] == "s00 s03 s05 s08 s11 s14 s16 s19".split()
    assert [sample["__key__"] for sample in split.samples(100)] == [f"s{number:02d}" for number in range(20)]
    tar = UPath(tmp_path / "train" / "000000.tar")
    (sample,) = read_shard(tar, lambda number, field: number == 1 and field == "json")
    assert sample.keys() == {"__key__", "json"}
    for shard in sorted((tmp_path / "train").glob("*.tar"))[1:]:
        shard.unlink()  # what is not shown is not opened
    assert [sample["__key__"] for sample in split.samples(1)] == ["s00"]
    tar.write_bytes(tar.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"000000\.tar cannot be read"):
        list(split.samples(1))


def test_without_a_manifest_the_samples_say_what_it_would(clips: Path) -> None:
    train, val = open_splits(UPath(clips))
    assert (train.name, val.name) == ("train", "val")
    names = {"key": "a", "identity": "person-a"}
    numbers = {"frames": 4, "fps": 8.0, "height": SIDE, "width": SIDE, "confidence": 1.0}
    assert train.lines[0] == {**names, **numbers, "frames_without_person": 1, "frames_with_several": 1}


def test_a_full_manifest_is_believed_another_is_not(tmp_path: Path) -> None:
    folder, _ = tiny_shards(tmp_path, 2, per_shard=2)
    gathered = open_splits(UPath(tmp_path))[0].lines

    def lines(**changes: object) -> list[dict[str, object]]:
        (folder / MANIFEST).write_text("".join(json.dumps({**line, **changes}) + "\n" for line in gathered))
        return open_splits(UPath(tmp_path))[0].lines

    assert [line["pose"] for line in lines(pose="dwpose", fps=25)] == ["dwpose", "dwpose"]
    assert lines(fps="fast") == lines(key=None) == gathered
    (folder / MANIFEST).write_text('{"key": "s0')
    with pytest.raises(InputError, match=r"manifest\.jsonl has a broken line"):
        open_splits(UPath(tmp_path))


def test_pairs_show_region_parse_and_pose(tmp_path: Path) -> None:
    write_pairs(tmp_path, "train", [pair("a", "train"), pair("b", "train", area=1), pair("c", "train", parse=None)])
    write_pairs(tmp_path, "test", [pair("d", "test")])
    write_pairs(tmp_path, "test_unpaired", [pair("d+shirt", "test_unpaired", keypoints=None)])
    splits = open_splits(UPath(tmp_path))
    assert [split.name for split in splits] == ["train", "test", "test_unpaired"]
    assert [line["region_area"] for line in splits[0].lines] == [0.25, 1.0, 0.25]
    assert odd(splits) == [
        "train: regions that are not 5% to 75% of the picture: 1 (b)",
        "train: regions that cover less than 90% of the worn garment: 1 (a)",
        "test: regions that cover less than 90% of the worn garment: 1 (d)",
        "test_unpaired: regions that cover less than 90% of the worn garment: 1 (d+shirt)",
    ]
    shown = {sample["__key__"]: set(row(sample, "tryon").cells) for split in splits for sample in split.samples(8)}
    always = {"person", "garment", "region"}
    assert shown["a"] == always | {"parse", "keypoints"}
    assert (shown["c"], shown["d+shirt"]) == (always | {"keypoints"}, always | {"parse"})
    assert "100% of the picture" in sheet(splits[0])


def test_what_is_odd_is_said(clips: Path) -> None:
    train, val = open_splits(UPath(clips))
    assert odd([train, val]) == []
    unseen = {**train.lines[0], "frames_without_person": 3, "confidence": 0.2}
    hardly = {**train.lines[1], "frames_with_several": 3, "first_frame_sha256": "one"}
    other = [{**val.lines[0], "identity": "person-ccc", "first_frame_sha256": "one"}] * 2
    assert odd([replace(train, lines=[unseen, hardly, train.lines[2]]), replace(val, lines=other)]) == [
        "people in several splits: 1 (train/ccc and val/dddd)",
        "first pictures of clips in several splits: 1 (train/bb and val/dddd)",
        "train: clips without a usable frame: 1 (a)",
        "train: clips with fewer than half of their frames usable: 1 (bb)",
        "train: clips whose body is hardly seen (mean confidence below 0.3): 1 (a)",
        "val: samples in its index 1, lines in its manifest 2",
        "val: keys of several samples: 1 (dddd)",
    ]
    many = Split(UPath("test"), val.index, [{**unseen, "key": f"k{number}"} for number in range(8)])
    assert "test: its index calls it val" in odd([many])
    assert "test: clips without a usable frame: 8 (k0, k1, k2, k3, k4, and 3 more)" in odd([many])


def test_the_ledger_is_counted_and_cut_and_its_broken_lines_stand_as_they_are(tmp_path: Path) -> None:
    lines = [{"key": f"k{n}", "stage": "pose", "outcome": "failed", "reason": f"file {n}"} for n in range(30)]
    lines += [{"key": f"m{n}", "stage": "probe", "outcome": "repaired", "reason": "odd <b>"} for n in range(9)]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"key": "<script>\n[1]\n{"key": "only"}\n'
    assert read_ledger(UPath(tmp_path)) == ([], [])
    (tmp_path / "ledger.jsonl").write_text(text)
    problems, broken = read_ledger(UPath(tmp_path))
    assert (len(problems), broken) == (39, ['{"key": "<script>', "[1]", '{"key": "only"}'])
    page = ledger_section(problems, broken)
    assert "<td>pose</td><td>30</td>" in page
    assert "30 different</summary>" in page
    assert "and 10 other reasons, all of them in ledger.jsonl" in page
    assert "odd &lt;b&gt; <small>m0, m1, m2 and 6 more</small>" in page
    assert "3 broken lines of the ledger" in page
    assert "<script" not in page.replace("&lt;", "")


def test_a_broken_sample_does_not_cost_the_page(tmp_path: Path) -> None:
    whole, broken = encode_clip(tiny_record("whole")), encode_clip(tiny_record("broken"))
    samples = [whole, {**broken, "mp4": b"no video", "figure.npz": b"no arrays"}]
    write_shards(tmp_path / "train", "train", samples, kind="animation", per_shard=2).write(tmp_path / "train")
    shown = sheet(open_splits(UPath(tmp_path))[0])
    assert "<b>whole</b>" in shown
    assert re.search(r'<b>broken</b>.*?class="note">its video cannot be decoded: Invalid data found', shown)


def test_folders_without_shards_are_refused(clips: Path, tmp_path: Path) -> None:
    folders = {tmp_path / "absent": "no folder at", tmp_path: "nothing to look at", clips / "val": f"holds it, {clips}"}
    for folder, message in folders.items():
        with pytest.raises(InputError, match=message):
            write_page(UPath(folder), tmp_path / "page.html")
    (tmp_path / "train").mkdir()
    for content, message in {"{": "cannot be read", "[]": "not an index", '{"version": 9}': "schema version 9"}.items():
        (tmp_path / "train" / "index.json").write_text(content)
        with pytest.raises(InputError, match=message):
            write_page(UPath(tmp_path), tmp_path / "page.html")
    assert not list(tmp_path.glob("*.html"))


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["data_prep", "inspect", *map(str, arguments)])
    return main()


def test_the_command_writes_beside_the_splits_or_where_it_is_told(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, clips) == 0
    assert (clips / "inspect.html").read_text().startswith("<!doctype html>")
    assert f"{clips / 'inspect.html'}: " in capsys.readouterr().out
    assert command(monkeypatch, clips / "nowhere") == command(monkeypatch, clips, "--output", clips) == 2
    assert "is a folder: name a file" in capsys.readouterr().err
    for path in (clips / "val").iterdir():
        (UPath("memory://inspected/val") / path.name).write_bytes(path.read_bytes())
    assert command(monkeypatch, "memory://inspected") == 2
    assert "--output" in capsys.readouterr().err
    assert command(monkeypatch, "memory://inspected", "--output", tmp_path / "page.html") == 0
    assert "<b>dddd</b>" in (tmp_path / "page.html").read_text()


def test_drawings_lie_where_they_belong() -> None:
    grey, keypoints = np.full((100, 80, 3), 100, np.uint8), np.zeros((128, 3), np.float32)
    assert (lay_over(grey, keypoints) == 70).all()
    keypoints[2:4] = [[0.25, 0.5, 1], [0.75, 0.5, 1]]
    posed = lay_over(grey, keypoints)
    assert posed[50, 40].max() > 100
    assert (posed[:40] == 70).all()
    figure = np.pad(np.ones((30, 20), np.uint8), 10)
    boxed = outlined(grey, (0, 0, 1, 1), figure)
    assert boxed[0, 0].tolist() == boxed[99, 79].tolist() == [*BOX]
    assert (boxed[50, [20, 59]] != 100).any(-1).all()
    assert (boxed[45:55, 35:45] == 100).all()
    painted = tinted(grey, np.tile(np.arange(40) < 20, (50, 1)))
    assert (painted[:, 40:] == 100).all()
    assert (painted[:, :40] != 100).any(-1).all()
    assert PALETTE[:4].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]

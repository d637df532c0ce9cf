"""Who is held out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data_prep.__main__ import parser
from data_prep.sources.ubcfashion import UbcFashionSource
from data_prep.splits import PRESETS
from humangen.media import write_video
from humangen.types import InputError


def test_the_public_tiktok_set_holds_out_335_to_340() -> None:
    split = PRESETS["tiktok_public"]
    places = {number: split(f"tiktok-{number:05d}") for number in range(1, 341)}
    assert [number for number, place in places.items() if place == "test"] == [*range(335, 341)]
    assert set(places.values()) == {"train", "test"}
    assert split("tiktok-334") == split("tiktok-1") == "train"
    assert {PRESETS["tiktok_disco10"](f"tiktok-{number}") for number in range(1, 341)} == {"train"}


@pytest.mark.parametrize("name", ["0", "00000", "341", "-1", "1.5", "201_002_1x1", "²", "one", ""])
@pytest.mark.parametrize("split", ["tiktok_public", "tiktok_disco10"])
def test_other_numbers_are_not_of_the_set(split: str, name: str) -> None:
    with pytest.raises(InputError, match="none of the numbers 1 to 340"):
        PRESETS[split](f"tiktok-{name}" if name != "-1" else "tiktok-1-0")


def test_random_is_5_5_90_and_moves_nobody() -> None:
    split = PRESETS["random"]
    people = [f"person {number}" for number in range(4000)] + ["Ann\udcff", "安娜"]
    places = {person: split(person) for person in people}
    counts = Counter(places.values())
    assert 0.04 * 4000 < counts["val"] < 0.06 * 4000
    assert 0.04 * 4000 < counts["test"] < 0.06 * 4000
    assert {person: split(person) for person in reversed(people)} == places
    # pinned: a sample that was held out once must never be trained on by a later version
    held_out = {number: places[f"person {number}"] for number in range(30) if places[f"person {number}"] != "train"}
    assert held_out == {1: "test", 17: "test", 19: "val", 24: "test"}


def test_the_others_are_whole() -> None:
    assert (PRESETS["train"]("anyone"), PRESETS["test"]("anyone")) == ("train", "test")


@pytest.mark.parametrize(
    ("source", "official"),
    [("tiktok", "tiktok_public"), ("videos", "random"), ("ubcfashion", "ubc_official"),
     ("vitonhd", "vitonhd_official"), ("dresscode", "dresscode_official")],
)  # fmt: skip
def test_every_source_has_its_own_split_unless_told(source: str, official: str) -> None:
    where = [source, "--input", "raw", "--output", "shards"]
    assert parser().parse_args(where).split == official
    assert parser().parse_args([*where, "--split", official]).split == official
    with pytest.raises(SystemExit):
        parser().parse_args([*where, "--split", "half"])


def test_ubc_fashion_is_placed_by_its_folders_or_by_person(tmp_path: Path) -> None:
    frames = np.zeros((2, 32, 32, 3), np.uint8)
    for number in range(30):
        write_video(tmp_path / "test" / f"person {number}.mp4", frames, 30)
    for split, places in ((None, {"test"}), (PRESETS["random"], {"train", "val", "test"})):
        clips, problems = UbcFashionSource(tmp_path, split).discover()
        assert {clip.split for clip in clips} == places
        assert len(clips) == 30
        assert not problems

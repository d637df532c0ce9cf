"""Who is held out."""

from __future__ import annotations

from collections import Counter

import pytest

from data_prep.splits import PRESETS, preset
from humangen.types import InputError


def test_the_public_tiktok_set_holds_out_335_to_340() -> None:
    split = preset("tiktok_public")
    places = {number: split(f"tiktok-{number:05d}") for number in range(1, 341)}
    assert [number for number, place in places.items() if place == "test"] == [*range(335, 341)]
    assert set(places.values()) == {"train", "test"}
    assert split("tiktok-334") == split("tiktok-1") == "train"
    assert {preset("tiktok_disco10")(f"tiktok-{number}") for number in range(1, 341)} == {"train"}


@pytest.mark.parametrize("name", ["0", "00000", "341", "-1", "1.5", "201_002_1x1", "²", "one", ""])
@pytest.mark.parametrize("split", ["tiktok_public", "tiktok_disco10"])
def test_other_numbers_are_not_of_the_set(split: str, name: str) -> None:
    with pytest.raises(InputError, match="none of the numbers 1 to 340"):
        preset(split)(f"tiktok-{name}" if name != "-1" else "tiktok-1-0")


def test_random_is_5_5_90_and_moves_nobody() -> None:
    split = preset("random")
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
    assert (preset("train")("anyone"), preset("test")("anyone")) == ("train", "test")
    assert set(PRESETS) == {"random", "train", "test", "tiktok_public", "tiktok_disco10"}
    with pytest.raises(InputError, match="no split 'half'; there are random"):
        preset("half")

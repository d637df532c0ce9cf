"""What `inspect` says of regions, and how it labels its plots."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from upath import UPath

from data_prep.inspect.folder import describe_pair, open_splits
from data_prep.inspect.odd import odd
from data_prep.inspect.plots import drawn, histogram
from humangen.data.schema import encode_pair
from humangen.media import encode_picture
from tests.unit.data_prep.test_inspect import pair, write_pairs
from tests.unit.tiny import SIDE


def test_regions_are_held_against_masks_clothes_and_faces(tmp_path: Path) -> None:
    parse = np.full((SIDE, SIDE), 5, np.uint8)
    parse[:, SIDE // 4 :] = 0
    faces, bare, fine = parse.copy(), np.zeros_like(parse), parse
    faces[: SIDE // 2, 1:4] = 13
    write_pairs(tmp_path, "train", [pair(name, "train", parse=each) for name, each in
                                    {"face": faces, "bare": bare, "fine": fine, "grey": fine}.items()])  # fmt: skip
    split = open_splits(UPath(tmp_path))[0]
    lines = [line | {"mask_grey": 0.02 * (line["key"] == "grey")} for line in split.lines]
    assert odd([replace(split, lines=lines)]) == [
        "train: masks with values between 0 and 255: 1 (grey)",
        "train: regions with no worn garment under them in the parse map: 1 (bare)",
        "train: regions that cover more than 10% of the face: 1 (face)",
    ]
    plain = [{name: line[name] for name in ("key", "identity", "region_area")} for line in split.lines]
    assert odd([replace(split, lines=plain)]) == []


def test_greys_of_a_mask_are_counted() -> None:
    sample = encode_pair(pair("a", "train"))
    levels = np.zeros((SIDE, SIDE), np.uint8)
    levels[:, : SIDE // 2], levels[0, : SIDE // 4] = 255, 200
    line = describe_pair(sample | {"mask.png": encode_picture(levels)})
    assert (line["mask_grey"], line["region_area"]) == (0.25 / SIDE, 0.5)
    assert describe_pair(sample)["mask_grey"] == 0


SIZES = [f"{height}x720" for height in range(940, 960, 4)]


@pytest.mark.parametrize("names", [["upper", "dress"], ["256x256", "512x512", "64x64"], SIZES[:4], SIZES, SIZES * 2])
def test_labels_do_not_touch(names: list[str]) -> None:
    with matplotlib.rc_context({"font.size": 9, "axes.titlesize": 10}):
        figure = drawn("size", {"train": names})
    figure.draw_without_rendering()
    labels = figure.axes[0].get_xticklabels()
    assert [label.get_text() for label in labels] == sorted(set(names))
    if labels[0].get_rotation():
        places = figure.axes[0].transData.transform([(number, 0) for number in range(len(labels))])[:, 0]
        assert np.diff(places).min() * np.sin(np.radians(30)) > labels[0].get_size() * figure.dpi / 72
    else:
        boxes = [label.get_window_extent() for label in labels]
        assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))


@pytest.mark.parametrize("values", [["upper", "dress"], [8.0, 30.0], [*range(50)], [*map(str, range(20))]])
def test_histograms_take_few_values_and_many(values: list[object]) -> None:
    assert histogram("some", {"train": values, "val": values[:1], "test": []}).startswith(b"<?xml")

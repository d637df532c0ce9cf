"""Which samples are kept for people to look at, and what there is to see of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from humangen.cases import chosen, keep_cases
from humangen.media import read_picture, to_uint8
from humangen.metrics.protocols import AnimationProtocol, TryOnProtocol
from humangen.types import AnimationBatch, TryOnBatch
from tests.unit.tiny import tiny_batch, tiny_pair_batch

SCORES = {f"s{number:02d}": {"psnr": float(number % 10), "l1": float(-number)} for number in range(20)}


def test_the_first_the_worst_and_the_best_are_chosen() -> None:
    first, worst, best = {f"s0{number}" for number in range(6)}, {"s00", "s10", "s01"}, {"s19", "s09", "s18"}
    assert chosen(SCORES, ["max_outside", "psnr", "l1"]) == first | worst | best
    assert chosen(SCORES, ["l1"]) == first | {"s00", "s01", "s02"} | {"s19", "s18", "s17"}
    assert chosen(SCORES, ["fid"]) == first


def test_a_chosen_sample_lies_beside_what_it_was_painted_from(tmp_path: Path) -> None:
    batches = [tiny_batch([f"{number}a", f"{number}b"], frames=2) for number in range(8)]
    samples = {key: {"psnr": -float(place)} for place, key in enumerate(key for each in batches for key in each.keys)}
    painted: list[str] = []

    def paint(batch: AnimationBatch) -> dict[str, Tensor]:
        painted.extend(batch.keys)
        return {"painted": -batch.target}

    keep_cases(AnimationProtocol("x", 1, ["psnr"]), batches, paint, samples, tmp_path)
    kept = {"0a", "0b", "1a", "1b", "2a", "2b", "6b", "7a", "7b"}
    assert {path.name for path in tmp_path.iterdir()} == kept
    assert "3a" not in painted
    for key in kept:
        assert {path.name for path in (tmp_path / key).iterdir()} == {
            "reference.png", "poses.gif", "painted.gif", "truth.gif"
        }  # fmt: skip
    np.testing.assert_array_equal(read_picture(tmp_path / "7b/reference.png"), to_uint8(batches[7].reference)[1])
    with Image.open(tmp_path / "7b/truth.gif") as gif:
        assert gif.n_frames == 2


def test_a_truth_that_nobody_knows_is_not_shown(tmp_path: Path) -> None:
    batch = tiny_pair_batch(["a", "b"])

    def paint(batch: TryOnBatch) -> dict[str, Tensor]:
        return {"painted": torch.zeros_like(batch.person)[:, None]}

    protocol = TryOnProtocol("x", 1, ["psnr_outside"])
    for folder, known in (("blind", None), ("paired", batch.person)):
        keep_cases(protocol, [replace(batch, truth=known)], paint, {"a": {}, "b": {}}, tmp_path / folder)
    names = {"person.png", "left.png", "garment.png", "painted.png"}
    assert {path.name for path in (tmp_path / "blind/a").iterdir()} == names
    assert {path.name for path in (tmp_path / "paired/b").iterdir()} == names | {"truth.png"}

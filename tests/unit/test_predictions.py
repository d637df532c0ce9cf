"""What is painted is kept: nothing is painted twice, and other settings never find it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from humangen.media import to_uint8
from humangen.predictions import TIMINGS, UNKNOWN, Predictions

CPU = torch.device("cpu")


def clips(count: int, frames: int) -> Tensor:
    return torch.rand(count, frames, 3, 8, 8, generator=torch.Generator().manual_seed(frames)) * 2 - 1


@pytest.mark.parametrize("frames", [1, 3])
def test_finished_samples_are_read_and_not_painted_again(tmp_path: Path, frames: int) -> None:
    painted = clips(2, frames)
    first = Predictions(tmp_path, {"seed": 1}).paint(["a", "b"], lambda: painted, CPU)
    assert (to_uint8(first) == to_uint8(painted)).all()

    def refuse() -> Tensor:
        raise AssertionError

    again = Predictions(tmp_path, {"seed": 1}).paint(["b", "a"], refuse, CPU)
    assert torch.equal(again, first.flip(0))


def test_other_settings_find_nothing(tmp_path: Path) -> None:
    one, two = Predictions(tmp_path, {"seed": 1}), Predictions(tmp_path, {"seed": 2})
    one.paint(["a"], lambda: clips(1, 1), CPU)
    assert one.finished("a")
    assert not two.finished("a")


def test_what_a_killed_run_finished_stays_and_the_rest_is_painted(tmp_path: Path) -> None:
    kept = Predictions(tmp_path, {})
    old = kept.paint(["a"], lambda: clips(1, 2), CPU)
    new = kept.paint(["a", "b"], lambda: -clips(2, 2), CPU)
    assert torch.equal(new[0], old[0])
    assert not torch.equal(new[1], old[0])


def test_a_painter_that_fails_leaves_no_half_sample(tmp_path: Path) -> None:
    kept = Predictions(tmp_path, {})

    def fail() -> Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept.paint(["a"], fail, CPU)
    assert not kept.finished("a")
    assert kept.seconds() is None


def test_seconds_are_those_of_painting_alone(tmp_path: Path) -> None:
    kept = Predictions(tmp_path, {})
    kept.paint(["a", "b"], lambda: clips(2, 1), CPU)
    first = kept.seconds()
    kept.paint(["a", "b"], lambda: clips(2, 1), CPU)
    assert kept.seconds() == first
    assert first is not None
    assert first > 0


def test_devices_are_told_and_are_no_setting(tmp_path: Path) -> None:
    """Also where lines were noted before devices were."""
    kept = Predictions(tmp_path, {})
    assert kept.devices() == []
    kept.paint(["a"], lambda: clips(1, 1), CPU)
    own = f"cpu, {torch.get_num_threads()} threads"
    assert kept.devices() == [own]
    with (kept.folder / TIMINGS).open("a") as file:
        file.write('{"samples": 1, "seconds": 2.0}\n{"samples": 1, "seconds": 2.0, "device": "NVIDIA H200"}\n')
    again = Predictions(tmp_path, {})
    assert again.devices() == sorted([own, UNKNOWN, "NVIDIA H200"])
    assert again.finished("a")

"""Which frames are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from humangen.data.clips import Choice, PairSampler, WholeClipSampler, WindowSampler, distant_frames
from humangen.types import InputError


def draws(sampler, num_frames: int, fps: float) -> list[Choice]:
    return [sampler(num_frames, fps, np.random.default_rng(seed)) for seed in range(60)]


def test_targets_keep_their_distance_from_the_reference() -> None:
    choices = draws(PairSampler(num_targets=3, margin_seconds=0.5), 40, 8.0)
    for choice in choices:
        frames = [frame for (frame,) in choice.targets]
        assert all(abs(frame - choice.reference) >= 4 and 0 <= frame < 40 for frame in frames)
        assert len(set(frames)) == 3
    assert len({choice.reference for choice in choices}) > 20


def test_a_clip_shorter_than_the_margin_gives_its_farthest_frames() -> None:
    for choice in draws(PairSampler(num_targets=2, margin_seconds=9), 5, 8.0):
        assert choice.reference not in {frame for (frame,) in choice.targets}
        farthest = max(choice.reference, 4 - choice.reference)
        assert {abs(frame - choice.reference) for (frame,) in choice.targets} == {farthest}


@pytest.mark.parametrize(("fps", "stride"), [(8.0, 1), (16.0, 2), (30.0, 4), (4.0, 1)])
def test_a_window_has_the_asked_rate(fps: float, stride: int) -> None:
    choices = draws(WindowSampler(num_frames=5, fps=8), 40, fps)
    for choice in choices:
        (window,) = choice.targets
        assert len(window) == 5
        assert set(np.diff(window)) == {stride}
        assert 0 <= window[0] < window[-1] < 40
    starts = {choice.targets[0][0] for choice in choices}
    assert min(starts) <= 2
    assert max(starts) + 4 * stride >= 37


def test_the_reference_keeps_its_distance_from_a_window_where_it_can() -> None:
    for choice in draws(WindowSampler(num_frames=4, fps=8, margin_seconds=0.5), 40, 8.0):
        assert min(abs(choice.reference - frame) for frame in choice.targets[0]) >= 4
    for choice in draws(WindowSampler(num_frames=4, fps=8, margin_seconds=9), 5, 8.0):
        assert choice.reference not in choice.targets[0]


def test_a_whole_clip_is_everything_behind_its_first_frame() -> None:
    sampler, random = WholeClipSampler(num_frames=8, fps=8), np.random.default_rng(0)
    assert sampler(6, 8.0, random) == Choice(0, ((1, 2, 3, 4, 5),))
    assert sampler(40, 16.0, random) == Choice(0, (tuple(range(2, 18, 2)),))


@pytest.mark.parametrize(("sampler", "num_frames", "fps"), [
    (PairSampler(), 1, 8.0),
    (WindowSampler(num_frames=5, fps=8), 4, 8.0),
    (WindowSampler(num_frames=5, fps=8), 8, 16.0),
    (WholeClipSampler(num_frames=5, fps=8), 1, 8.0),
    (WholeClipSampler(num_frames=5, fps=8), 2, 16.0),
])  # fmt: skip
def test_a_clip_that_is_too_short_is_refused(sampler, num_frames: int, fps: float) -> None:
    with pytest.raises(InputError, match=f"clip of {num_frames if num_frames > 1 else '(one|1)'} frame"):
        sampler(num_frames, fps, np.random.default_rng(0))


def test_a_window_of_exactly_the_clip_is_possible() -> None:
    choice = WindowSampler(num_frames=5, fps=8)(5, 8.0, np.random.default_rng(0))
    assert choice.targets == ((0, 1, 2, 3, 4),)
    assert choice.frames == [choice.reference, 0, 1, 2, 3, 4]


def test_distant_frames_are_far_from_all() -> None:
    assert distant_frames(10, [2, 7], 2).tolist() == [0, 4, 5, 9]
    assert distant_frames(10, [0], 7).tolist() == [7, 8, 9]
    assert distant_frames(5, [0], 99).tolist() == [4]

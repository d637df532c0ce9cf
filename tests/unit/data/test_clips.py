"""Which frames are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from humangen.data.clips import Choice, ClipSampler, PairSampler, WholeClipSampler, WindowSampler, distant_frames
from humangen.types import InputError


def all_of(num_frames: int) -> np.ndarray:
    return np.ones(num_frames, bool)


def only(num_frames: int, *numbers: int) -> np.ndarray:
    usable = np.zeros(num_frames, bool)
    usable[list(numbers)] = True
    return usable


def draws(sampler: ClipSampler, usable: np.ndarray, fps: float = 8.0) -> list[Choice]:
    return [sampler(usable, fps, np.random.default_rng(seed)) for seed in range(60)]


def test_targets_keep_their_distance_from_the_reference() -> None:
    choices = draws(PairSampler(num_targets=3, margin_seconds=0.5), all_of(40))
    for choice in choices:
        frames = [frame for (frame,) in choice.targets]
        assert all(abs(frame - choice.reference) >= 4 and 0 <= frame < 40 for frame in frames)
        assert len(set(frames)) == 3
    assert len({choice.reference for choice in choices}) > 20


def test_a_clip_shorter_than_the_margin_gives_its_farthest_frames() -> None:
    for choice in draws(PairSampler(num_targets=2, margin_seconds=9), all_of(5)):
        assert choice.reference not in {frame for (frame,) in choice.targets}
        farthest = max(choice.reference, 4 - choice.reference)
        assert {abs(frame - choice.reference) for (frame,) in choice.targets} == {farthest}


@pytest.mark.parametrize(("fps", "stride"), [(8.0, 1), (16.0, 2), (30.0, 4), (4.0, 1)])
def test_a_window_has_the_asked_rate(fps: float, stride: int) -> None:
    choices = draws(WindowSampler(num_frames=5, fps=8), all_of(40), fps)
    for choice in choices:
        (window,) = choice.targets
        assert len(window) == 5
        assert set(np.diff(window)) == {stride}
        assert 0 <= window[0] < window[-1] < 40
    starts = {choice.targets[0][0] for choice in choices}
    assert min(starts) <= 2
    assert max(starts) + 4 * stride >= 37


def test_the_reference_keeps_its_distance_from_a_window_where_it_can() -> None:
    for choice in draws(WindowSampler(num_frames=4, fps=8, margin_seconds=0.5), all_of(40)):
        assert min(abs(choice.reference - frame) for frame in choice.targets[0]) >= 4
    for choice in draws(WindowSampler(num_frames=4, fps=8, margin_seconds=9), all_of(5)):
        assert choice.reference not in choice.targets[0]


def test_a_whole_clip_is_everything_behind_its_first_frame() -> None:
    sampler, random = WholeClipSampler(num_frames=8, fps=8), np.random.default_rng(0)
    assert sampler(all_of(6), 8.0, random) == Choice(0, ((1, 2, 3, 4, 5),))
    assert sampler(all_of(40), 16.0, random) == Choice(0, (tuple(range(2, 18, 2)),))


@pytest.mark.parametrize("sampler", [
    PairSampler(num_targets=3, margin_seconds=0.5),
    WindowSampler(num_frames=3, fps=8, margin_seconds=0.2),
    WindowSampler(num_frames=3, fps=4),
    WholeClipSampler(num_frames=9, fps=8),
    WholeClipSampler(num_frames=3, fps=4),
])  # fmt: skip
@pytest.mark.parametrize("seed", range(20))
def test_only_usable_frames_are_chosen(sampler: ClipSampler, seed: int) -> None:
    usable = np.random.default_rng(seed).random(30) < 0.7
    usable[10:16] = True
    for choice in draws(sampler, usable):
        assert usable[choice.frames].all()


def test_a_window_lies_between_the_gaps_and_its_reference_anywhere() -> None:
    usable = only(20, 1, 5, 6, 7, 8, 12, 13, 14, 19)
    choices = draws(WindowSampler(num_frames=3, fps=8), usable)
    assert {choice.targets[0] for choice in choices} == {(5, 6, 7), (6, 7, 8), (12, 13, 14)}
    assert {1, 19} < {choice.reference for choice in choices}


def test_frames_that_a_stride_passes_over_need_not_be_usable() -> None:
    (window,) = WindowSampler(num_frames=3, fps=4)(only(9, 2, 4, 6), 8.0, np.random.default_rng(0)).targets
    assert window == (2, 4, 6)


def test_a_whole_clip_begins_behind_the_first_usable_frame_and_ends_at_a_gap() -> None:
    sampler, random = WholeClipSampler(num_frames=8, fps=8), np.random.default_rng(0)
    assert sampler(only(12, 3, 4, 5, 6, 9, 10), 8.0, random) == Choice(3, ((4, 5, 6),))
    assert sampler(only(12, 1, 3, 4, 5), 8.0, random) == Choice(3, ((4, 5),))  # nothing to paint behind 1
    assert sampler(only(12, 1, 3, 5, 9), 16.0, random) == Choice(1, ((3, 5),))


@pytest.mark.parametrize(("sampler", "usable", "fps"), [
    (PairSampler(), all_of(1), 8.0),
    (PairSampler(), only(9, 4), 8.0),
    (PairSampler(), only(9), 8.0),
    (WindowSampler(num_frames=5, fps=8), all_of(4), 8.0),
    (WindowSampler(num_frames=5, fps=8), all_of(8), 16.0),
    (WindowSampler(num_frames=3, fps=8), only(9, 0, 1, 3, 4, 6, 7), 8.0),
    (WindowSampler(num_frames=1, fps=8), only(9), 8.0),
    (WholeClipSampler(num_frames=5, fps=8), all_of(1), 8.0),
    (WholeClipSampler(num_frames=5, fps=8), all_of(2), 16.0),
    (WholeClipSampler(num_frames=5, fps=8), only(9, 0, 2, 4), 8.0),
    (WholeClipSampler(num_frames=5, fps=8), only(9), 8.0),
])  # fmt: skip
def test_a_clip_with_too_few_usable_frames_is_refused(sampler: ClipSampler, usable: np.ndarray, fps: float) -> None:
    with pytest.raises(InputError, match=f"clip of {len(usable)} frames at {fps:g} fps, {usable.sum()} of them usable"):
        sampler(usable, fps, np.random.default_rng(0))


def test_a_window_of_exactly_the_clip_is_possible() -> None:
    choice = WindowSampler(num_frames=5, fps=8)(all_of(5), 8.0, np.random.default_rng(0))
    assert choice.targets == ((0, 1, 2, 3, 4),)
    assert choice.frames == [choice.reference, 0, 1, 2, 3, 4]


def test_distant_frames_are_far_from_all() -> None:
    assert distant_frames(np.arange(10), [2, 7], 2).tolist() == [0, 4, 5, 9]
    assert distant_frames(np.arange(10), [0], 7).tolist() == [7, 8, 9]
    assert distant_frames(np.arange(5), [0], 99).tolist() == [4]
    assert distant_frames(np.array([0, 1, 6]), [0], 3).tolist() == [6]

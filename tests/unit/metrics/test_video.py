"""Windows, flicker and drift."""

from __future__ import annotations

import pytest
import torch

from humangen.metrics.suite import FrameScores
from humangen.metrics.video import clip_windows, dtssd, quarters
from humangen.types import InputError


@pytest.mark.parametrize(("frames", "starts"), [(15, []), (16, [0]), (17, [0, 1])])
def test_a_window_at_every_frame_with_fifteen_after_it(frames: int, starts: list[int]) -> None:
    assert clip_windows(frames, 16, 1) == [range(start, start + 16) for start in starts]


def test_windows_may_lie_side_by_side() -> None:
    assert clip_windows(50, 16, 16) == [range(0, 16), range(16, 32), range(32, 48)]
    with pytest.raises(InputError, match="at least 1"):
        clip_windows(50, 16, 0)


def test_a_still_picture_flickers_as_much_as_the_truth_moves() -> None:
    truth = torch.linspace(0, 0.5, 6).double()[:, None, None, None].expand(6, 3, 4, 4)
    assert dtssd(truth + 0.3, truth).max() < 1e-30
    torch.testing.assert_close(dtssd(truth[:1].expand_as(truth), truth), torch.full((5,), 0.01, dtype=torch.float64))


def test_quarters_hold_every_value_once() -> None:
    for frames in range(4, 20):
        values = torch.arange(frames)[None]
        parts = quarters(values)
        assert torch.equal(torch.cat(parts, 1), values)
        assert max(part.shape[1] for part in parts) - min(part.shape[1] for part in parts) <= 1
    assert [part.shape[1] for part in quarters(torch.zeros(2, 3))] == [0, 1, 1, 1]


def test_a_part_without_frames_has_no_drift() -> None:
    clips = torch.zeros(2, 3, 3, 8, 8)
    scores = FrameScores(("psnr",), drift=("l1",))
    scores.update(clips, clips, None)
    names = set(scores.compute())
    assert names == {"psnr", "temporal_drift_l1_2", "temporal_drift_l1_3", "temporal_drift_l1_4"}


def test_drift_is_seen() -> None:
    truth = torch.zeros(2, 8, 3, 16, 16)
    errors = torch.tensor([1, 1, 2, 2, 4, 4, 8, 8]) * 2 / 255
    scores = FrameScores(("psnr", "dtssd"), drift=("l1",))
    scores.update(truth + 1 / 255 + errors[:, None, None, None], truth + 1 / 255, None)
    values = scores.compute()
    assert [values[f"temporal_drift_l1_{at}"] for at in range(1, 5)] == pytest.approx(
        [1 / 255, 2 / 255, 4 / 255, 8 / 255]
    )
    assert values["dtssd"] == pytest.approx((1 + 4 + 16) / 7 / 255**2)
    assert "l1" not in values


def test_an_unknown_score_is_refused() -> None:
    with pytest.raises(InputError, match="no frame score is called sim; there are psnr, ssim"):
        FrameScores(("sim",))

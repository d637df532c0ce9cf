"""Windows cover a clip, and the moving front gives what stepping all of them at once gives."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from humangen.diffusion.sample import Denoise, sample
from humangen.diffusion.schedule import FlowSchedule, Schedule, VarianceSchedule
from humangen.inference.ranks import OneRank
from humangen.inference.windows import cells, sample_windows, triangle, windows
from humangen.types import InputError


@pytest.mark.parametrize("num_frames", range(1, 40))
@pytest.mark.parametrize(("length", "overlap"), [(16, 4), (8, 0), (5, 4), (1, 0)])
def test_windows_cover_every_frame_and_end_at_the_last(num_frames: int, length: int, overlap: int) -> None:
    found = windows(num_frames, length, overlap)
    assert {frame for window in found for frame in window} == set(range(num_frames))
    assert found[-1].stop == num_frames
    assert all(len(window) == min(length, num_frames) and window.step == 1 for window in found)
    for one, other in zip(found, found[1:], strict=False):
        assert other.start > one.start
        assert one.stop - other.start >= overlap


@pytest.mark.parametrize(("length", "overlap"), [(4, 4), (4, 5), (4, -1), (0, 0)])
def test_windows_that_cannot_be_are_refused(length: int, overlap: int) -> None:
    with pytest.raises(InputError, match="overlap"):
        windows(10, length, overlap)


@pytest.mark.parametrize(("num_frames", "length", "overlap"), [(40, 16, 4), (17, 16, 4), (9, 16, 4), (30, 5, 4)])
def test_cells_hold_every_frame_once_and_share_it_out(num_frames: int, length: int, overlap: int) -> None:
    parts = windows(num_frames, length, overlap)
    found = list(cells(parts))
    assert [frame for frames, _ in found for frame in frames] == list(range(num_frames))
    for frames, shares in found:
        for frame in frames:
            covering = {number: part for number, part in enumerate(parts) if frame in part}
            assert shares.keys() == covering.keys()
            total = sum(triangle(part)[frame - part.start] for part in covering.values())
            for number, part in covering.items():
                expected = triangle(part)[frame - part.start] / total
                assert shares[number][frame - frames.start] == pytest.approx(expected.item())


def test_the_middle_of_a_window_counts_most() -> None:
    assert triangle(range(7, 12)).tolist() == [1, 2, 3, 2, 1]


class Network:
    """A function of latents, timestep and frame that mixes the frames of a window; keeps what it was asked."""

    def __init__(self) -> None:
        self.begun: list[range] = []
        self.calls: list[tuple[int, int]] = []

    def __call__(self, frames: range) -> Denoise:
        self.begun.append(frames)

        def denoise(latents: Tensor, timestep: Tensor) -> Tensor:
            assert latents.shape[1] == len(frames)
            self.calls.append((frames.start, int(timestep[0])))
            numbers = torch.tensor(list(frames))[:, None, None, None]
            return 0.3 * latents.mean(1, keepdim=True) + latents.sin() * (numbers % 5) / 5 + timestep[0] / 1000

        return denoise


def noise(frames: range) -> Tensor:
    drawn = [torch.randn(2, 3, 2, 2, generator=torch.Generator().manual_seed(frame)) for frame in frames]
    return torch.stack(drawn, dim=1)


def all_at_once(schedule: Schedule, solver_name: str, steps: int, parts: list[range], network: Network) -> Tensor:
    """Every window of one step before the next step: what the front must equal."""
    latents, solver = noise(range(parts[-1].stop)), schedule.solver(solver_name, steps)
    functions = [network(part) for part in parts]
    for timestep in solver.timesteps:
        total, weight = torch.zeros_like(latents), torch.zeros(latents.shape[1])
        for part, function in zip(parts, functions, strict=True):
            here = slice(part.start, part.stop)
            total[:, here] += triangle(part)[:, None, None, None] * function(latents[:, here], timestep.expand(2))
            weight[here] += triangle(part)
        latents = solver.step(total / weight[:, None, None, None], timestep, latents, return_dict=False)[0]
    return latents


class FourRanks(OneRank):
    count = 4


SCHEDULES = [(VarianceSchedule(), "ddim"), (VarianceSchedule(), "dpm"), (FlowSchedule(), "euler")]


@pytest.mark.parametrize(("schedule", "solver"), SCHEDULES)
@pytest.mark.parametrize("form", [(61, 8, 2), (61, 8, 7), (9, 8, 2), (5, 8, 2), (16, 8, 0)])
@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("ranks", [OneRank(), FourRanks()])
def test_the_front_is_every_window_at_once(
    schedule: Schedule, solver: str, form: tuple[int, int, int], steps: int, ranks: OneRank
) -> None:
    parts, network = windows(*form), Network()
    told: list[None] = []
    build = partial(schedule.solver, solver, steps)
    pieces = list(sample_windows(parts, network, noise, build, ranks, partial(told.append, None)))
    assert len(told) == steps * len(parts)
    assert network.begun == parts
    assert len(network.calls) == len(set(network.calls)) == steps * len(parts)
    expected = all_at_once(schedule, solver, steps, parts, Network())
    torch.testing.assert_close(torch.cat(pieces, dim=1), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_no_more_windows_are_begun_than_there_are_steps(steps: int) -> None:
    parts, network, given = windows(300, 8, 2), Network(), 0
    solver = partial(VarianceSchedule().solver, "ddim", steps)
    for piece in sample_windows(parts, network, noise, solver, OneRank()):
        given += piece.shape[1]
        ahead = len([part for part in network.begun if part.stop > given])
        assert ahead <= steps + 1
    assert given == 300


def test_a_single_window_is_the_function_itself() -> None:
    solver = partial(VarianceSchedule(prediction="sample").solver, "ddim", 1)
    (latents,) = sample_windows([range(5)], Network(), noise, solver, OneRank())
    assert torch.equal(latents, Network()(range(5))(noise(range(5)), torch.tensor([999, 999])))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_never_a_picture(value: float) -> None:
    """Half the precision may have half the range."""

    def overflows(latents: Tensor, timestep: Tensor) -> Tensor:
        return torch.full_like(latents, value)

    solver = partial(VarianceSchedule().solver, "ddim", 2)
    with pytest.raises(InputError, match="not a number.*float16"):
        list(sample_windows([range(5)], lambda frames: overflows, noise, solver, OneRank()))
    with pytest.raises(InputError, match="not a number.*float16"):
        sample(overflows, noise(range(5)), solver())

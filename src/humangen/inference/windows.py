"""Clips of any length as overlapping windows, sampled along a moving front so that memory does not grow with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from humangen.diffusion.sample import Denoise, finished
from humangen.diffusion.schedule import Solver
from humangen.inference.ranks import Ranks
from humangen.types import InputError


def windows(num_frames: int, length: int, overlap: int) -> list[range]:
    """Ranges of `length` frames that overlap by at least `overlap`; the last ends at the last frame, and none
    wraps around. A clip shorter than a window is one window."""
    if not 0 <= overlap < length:
        raise InputError(f"windows of {length} frames cannot overlap by {overlap}")
    if num_frames <= length:
        return [range(num_frames)]
    starts = [*range(0, num_frames - length, length - overlap), num_frames - length]
    return [range(start, start + length) for start in starts]


def triangle(window: range) -> Tensor:
    """How much each frame of a window counts where windows overlap: a triangle, so that a window fades in and out."""
    rising = torch.arange(1, len(window) + 1)
    return torch.minimum(rising, rising.flip(0)).float()


@dataclass
class Cell:
    """Neighbouring frames that the same windows cover; they take a step when all of these have predicted it."""

    frames: range
    shares: dict[int, Tensor]  # of each window's prediction in the mean, (f,)
    latents: Tensor  # K f C h w
    solver: Solver
    step: int = 0
    predictions: dict[int, Tensor] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return self.step == len(self.solver.timesteps)

    def add(self, number: int, prediction: Tensor) -> None:
        """What window `number` predicts of these frames (K, f, C, h, w); the last one to do so makes the step."""
        self.predictions[number] = prediction
        if len(self.predictions) < len(self.shares):
            return
        parts = [  # in the order of the windows, whoever came first
            share.to(self.latents)[:, None, None, None] * self.predictions[window]
            for window, share in self.shares.items()
        ]
        mean = torch.stack(parts).sum(0)
        self.latents = self.solver.step(mean, self.solver.timesteps[self.step], self.latents, return_dict=False)[0]
        self.step += 1
        self.predictions.clear()


def cells(all_windows: list[range]) -> Iterator[tuple[range, dict[int, Tensor]]]:
    """The frames of each cell, in their order, and the shares of the windows that cover it."""
    bounds = sorted({bound for window in all_windows for bound in (window.start, window.stop)})
    for start, stop in zip(bounds, bounds[1:], strict=False):
        covering = {
            number: triangle(window)[start - window.start : stop - window.start]
            for number, window in enumerate(all_windows)
            if start in window
        }
        total = torch.stack([*covering.values()]).sum(0)
        yield range(start, stop), {number: weight / total for number, weight in covering.items()}


@dataclass
class Begun:
    """A window that has begun: its cells, how it is denoised, and how many steps it has predicted."""

    number: int
    cells: list[Cell]
    denoise: Denoise
    steps: int = 0

    @property
    def ready(self) -> bool:
        return all(cell.step == self.steps for cell in self.cells)

    @property
    def latents(self) -> Tensor:
        return torch.cat([cell.latents for cell in self.cells], dim=1)

    def predict(self) -> Tensor:
        latents, timestep = self.latents, self.cells[0].solver.timesteps[self.steps]
        return self.denoise(latents, timestep.expand(len(latents)).to(latents.device)).to(latents)

    def add(self, prediction: Tensor) -> None:
        self.steps += 1
        parts = prediction.split([len(cell.frames) for cell in self.cells], dim=1)
        for cell, part in zip(self.cells, parts, strict=True):
            cell.add(self.number, part)


@torch.no_grad()
def sample_windows(
    all_windows: list[range],
    denoiser: Callable[[range], Denoise],
    noise: Callable[[range], Tensor],
    solver: Callable[[], Solver],
    ranks: Ranks,
    on_prediction: Callable[[], None] = lambda: None,
) -> Iterator[Tensor]:
    """Latents (K, f, C, h, w) of a few frames after the other, out of `noise` (K, f, C, h, w) for a range of frames and
    one `denoiser` per window.

    A window takes its next step as soon as all windows over its frames have taken the one before, and it begins only
    when nothing before it can go on. So the result is that of stepping all windows at once, while no more of them are
    held than there are steps and `ranks`. `on_prediction` is called once for each step of each window.
    """
    following, ahead = iter(enumerate(all_windows)), cells(all_windows)
    held: list[Cell] = []
    begun: list[Begun] = []
    reached = 0  # frames that are in a cell
    while True:
        able = [window for window in begun if window.ready]
        while len(able) < ranks.count and (pair := next(following, None)):
            number, window = pair
            while reached < window.stop:
                frames, shares = next(ahead)
                held.append(Cell(frames, shares, noise(frames), solver()))
                reached = frames.stop
            able.append(Begun(number, [cell for cell in held if number in cell.shares], denoiser(window)))
            begun.append(able[-1])
        if not able:
            return
        able = able[: ranks.count]
        predictions = ranks.map([window.predict for window in able], [window.latents for window in able])
        for one, prediction in zip(able, predictions, strict=True):
            one.add(prediction)
            on_prediction()
        begun = [window for window in begun if window.steps < len(window.cells[0].solver.timesteps)]
        while held and held[0].done:
            yield finished(held.pop(0).latents)

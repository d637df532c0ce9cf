"""What the scores cost that need no network: frames a second, each alone and all at once, against PSNR.

`grown` is how far the process' peak of resident memory rose over all clips, after one of them.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from functools import partial

import torch

import timing
from humangen.cli.errors import reported
from humangen.metrics.region import RegionScores
from humangen.metrics.suite import CLIP, MAPPED, WHOLE, FrameScores

FRAMES = 16
NAMES = (*MAPPED, *WHOLE, *CLIP)
COLUMNS: timing.Columns = {**timing.COLUMNS, "grown_bytes": ("grown", timing.gibibytes)}


def parse() -> argparse.Namespace:
    parser = timing.parser(__doc__, repeats=3)
    parser.add_argument("--size", type=timing.positive, default=256, help="height and width in pixels")
    parser.add_argument("--clips", type=timing.positive, default=16, help=f"clips of {FRAMES} frames")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    return parser.parse_args()


def score_clips(names: tuple[str, ...], clip: list[torch.Tensor], clips: int) -> None:
    """Frame scores of one clip over and over; the figure is scored where a score knows figures."""
    metric = FrameScores(names).to(clip[0].device)
    for at in range(clips):
        metric.update(clip[0][None], clip[1][None], clip[2][None, :, 0], keys=[str(at)])
    metric.compute()


def score_regions(clip: list[torch.Tensor], clips: int) -> None:
    """Try-on scores, of each frame as a picture of its own."""
    metric = RegionScores().to(clip[0].device)
    for at in range(clips):
        keys = [f"{at}-{frame}" for frame in range(FRAMES)]
        metric.update(clip[0], clip[1], clip[2], worn=clip[2], old=-clip[1], keys=keys)
    metric.compute()


def random_clip(size: int, device: torch.device) -> list[torch.Tensor]:
    """Painted and true frames (F, 3, H, W), and a figure (F, 1, H, W) in a third of the picture."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(FRAMES, 3, size, size, generator=generator) * 2 - 1
    painted = truth + 0.1 * torch.randn(truth.shape, generator=generator)
    figure = torch.zeros(FRAMES, 1, size, size, dtype=torch.bool)
    figure[..., size // 3 : size * 2 // 3] = True
    return [each.to(device) for each in (painted, truth, figure)]


def growth(score: Callable[[int], None], clips: int) -> float:
    """Bytes by which all clips raise the peak that one clip left."""
    score(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    score(clips)
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


@reported
def main() -> None:
    options = parse()
    device = timing.choose_device(options.device)
    clip = random_clip(options.size, device)
    scores: dict[str, Callable[[int], None]] = {name: partial(score_clips, (name,), clip) for name in NAMES}
    scores |= {"all": partial(score_clips, NAMES, clip), "region": partial(score_regions, clip)}
    grown = {name: growth(score, options.clips) for name, score in scores.items()}
    variants = {name: partial(timing.timed, partial(score, options.clips), device) for name, score in scores.items()}
    rows = timing.measure(variants, baseline="psnr", repeats=options.repeats, warmup=options.warmup)
    for name, row in rows.items():
        row["frames_per_second"] = FRAMES * options.clips / row["seconds"]
        row["grown_bytes"] = grown[name]
    timing.report(options, rows, name="metrics", baseline="psnr", device=device, columns=COLUMNS)


if __name__ == "__main__":
    main()

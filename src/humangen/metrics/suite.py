"""The scores of a set of clips."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from humangen.metrics.image import (
    absolute_error_map,
    decibels,
    eight_bit,
    mean_over,
    squared_error_map,
    ssim_map,
)
from humangen.metrics.samples import SampleScores

NAMES = ("psnr", "ssim", "l1")


class FrameScores(SampleScores):
    """Means over frames of PSNR, SSIM and L1, over the whole frame and (suffix `_figure`) inside the figure.

    Pixels are rounded to 8 bits, so the frames that a file keeps score the same. A frame without a figure has no
    score inside it.
    """

    def __init__(self) -> None:
        super().__init__((*NAMES, *(f"{name}_figure" for name in NAMES)))

    def update(
        self, prediction: Tensor, truth: Tensor, figure: Tensor | None, *, keys: Sequence[str] | None = None
    ) -> None:
        """`prediction` and `truth` (K, F, 3, H, W) in [-1, 1], `figure` (K, F, H, W) bool, and the clips' keys."""
        prediction, truth = eight_bit(prediction), eight_bit(truth)
        errors = squared_error_map(prediction, truth)
        similarities, differences = ssim_map(prediction, truth), absolute_error_map(prediction, truth)
        values = {}
        for suffix, region in (("", None), ("_figure", figure)):
            if suffix and region is None:
                continue
            values[f"psnr{suffix}"] = decibels(mean_over(errors, region))
            values[f"ssim{suffix}"] = mean_over(similarities, region)
            values[f"l1{suffix}"] = mean_over(differences, region)
        self.add(keys, values)

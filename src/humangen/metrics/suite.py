"""The scores of a set of clips."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from humangen.metrics.image import absolute_error_map, decibels, mean_over, squared_error_map, ssim_map

NAMES = ("psnr", "ssim", "l1")


class FrameScores(Metric):
    """Means over frames of PSNR, SSIM and L1, over the whole frame and (suffix `_figure`) inside the figure.

    Sums are float64, so the result does not depend on batch size or on the number of ranks.
    """

    full_state_update = False
    frames: Tensor
    figures: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in (*NAMES, *(f"{name}_figure" for name in NAMES)):
            self.add_state(f"sum_{name}", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("frames", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("figures", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, truth: Tensor, figure: Tensor | None) -> None:
        """`prediction` and `truth` (K, F, 3, H, W) in [-1, 1], `figure` (K, F, H, W) bool."""
        prediction, truth = (prediction + 1) / 2, (truth + 1) / 2
        self.frames += truth[:, :, 0, 0, 0].numel()
        if figure is not None:
            self.figures += figure[:, :, 0, 0].numel()
        errors = squared_error_map(prediction, truth)
        similarities, differences = ssim_map(prediction, truth), absolute_error_map(prediction, truth)
        for suffix, region in (("", None), ("_figure", figure)):
            if suffix and region is None:
                continue
            self._add(f"psnr{suffix}", decibels(mean_over(errors, region)))
            self._add(f"ssim{suffix}", mean_over(similarities, region))
            self._add(f"l1{suffix}", mean_over(differences, region))

    def _add(self, name: str, values: Tensor) -> None:
        setattr(self, f"sum_{name}", getattr(self, f"sum_{name}") + values.sum())

    def compute(self) -> dict[str, float]:
        """The means by name; the `_figure` ones only where figures were given."""
        scores = {name: float(getattr(self, f"sum_{name}") / self.frames) for name in NAMES}
        if self.figures:
            scores |= {f"{name}_figure": float(getattr(self, f"sum_{name}_figure") / self.figures) for name in NAMES}
        return scores

"""The scores of a set of clips."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from humangen.metrics.image import l1, psnr, ssim

FUNCTIONS = {"psnr": psnr, "ssim": ssim, "l1": l1}


class FrameScores(Metric):
    """Means over frames of PSNR, SSIM and L1, over the whole frame and (suffix `_figure`) inside the figure.

    Sums are float64, so the result does not depend on batch size or on the number of ranks.
    """

    full_state_update = False
    frames: Tensor
    figures: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in (*FUNCTIONS, *(f"{name}_figure" for name in FUNCTIONS)):
            self.add_state(f"sum_{name}", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("frames", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("figures", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, truth: Tensor, figure: Tensor | None) -> None:
        """`prediction` and `truth` (K, F, 3, H, W) in [-1, 1], `figure` (K, F, H, W) bool."""
        prediction, truth = (prediction + 1) / 2, (truth + 1) / 2
        self.frames += truth[:, :, 0, 0, 0].numel()
        if figure is not None:
            self.figures += figure[:, :, 0, 0].numel()
        for name, function in FUNCTIONS.items():
            self._add(name, function(prediction, truth))
            if figure is not None:
                self._add(f"{name}_figure", function(prediction, truth, figure))

    def _add(self, name: str, values: Tensor) -> None:
        setattr(self, f"sum_{name}", getattr(self, f"sum_{name}") + values.double().sum())

    def compute(self) -> dict[str, float]:
        """The means by name; the `_figure` ones only where figures were given."""
        scores = {name: float(getattr(self, f"sum_{name}") / self.frames) for name in FUNCTIONS}
        if self.figures:
            scores |= {
                f"{name}_figure": float(getattr(self, f"sum_{name}_figure") / self.figures) for name in FUNCTIONS
            }
        return scores

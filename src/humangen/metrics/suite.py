"""The scores of a set of clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from humangen.metrics.disco import l1_disco, psnr_wrapped, ssim_disco
from humangen.metrics.image import (
    absolute_error_map,
    decibels,
    eight_bit,
    mean_over,
    squared_error_map,
    ssim_map,
)
from humangen.metrics.samples import SampleScores
from humangen.metrics.video import dtssd
from humangen.types import InputError

Scorer = Callable[[Tensor, Tensor], Tensor]

# a map of a frame's pixels, and what its mean becomes: these are also scored inside the figure
MAPPED: dict[str, tuple[Scorer, Callable[[Tensor], Tensor]]] = {
    "psnr": (squared_error_map, decibels),
    "ssim": (ssim_map, Tensor.clone),
    "l1": (absolute_error_map, Tensor.clone),
}
WHOLE: dict[str, Scorer] = {"ssim_disco": ssim_disco, "l1_disco": l1_disco, "psnr_wrapped": psnr_wrapped}
CLIP: dict[str, Scorer] = {"dtssd": dtssd}
NAMES = tuple(MAPPED)


class FrameScores(SampleScores):
    """Means over frames, over the whole frame and (suffix `_figure`) inside the figure; a sample is a clip.

    names   of `MAPPED`, `WHOLE` and `CLIP`
    drift   frame scores that are also given for each quarter of the clips, `temporal_drift_psnr_1` to `_4`

    Pixels are rounded to 8 bits, so the frames that a file keeps score the same. Frames are scored one by one in
    float64: no batch size changes a bit, and memory does not grow with the length of a clip. A frame without a figure
    has no score inside it.
    """

    def __init__(self, names: Sequence[str] = NAMES, *, drift: Sequence[str] = ()) -> None:
        self.frame_names = [name for name in dict.fromkeys((*names, *drift)) if name not in CLIP]
        self.clip_names = [name for name in names if name in CLIP]
        for name in self.frame_names:
            if name not in MAPPED and name not in WHOLE:
                raise InputError(f"no frame score is called {name}; there are {', '.join((*MAPPED, *WHOLE))}")
        if steps := [name for name in drift if name in CLIP]:
            raise InputError(
                f"{', '.join(steps)}: a score of the steps between frames has no value for a frame, and so no "
                "temporal_drift_; leave it out of protocol.definition.metrics"
            )
        figures = [f"{name}_figure" for name in names if name in MAPPED]
        super().__init__((*names, *figures), drift=drift)

    def update(
        self, prediction: Tensor, truth: Tensor, figure: Tensor | None, *, keys: Sequence[str] | None = None
    ) -> None:
        """`prediction` and `truth` (K, F, 3, H, W) in [-1, 1], `figure` (K, F, H, W) bool, and the clips' keys."""
        clips = [
            self._clip(prediction[at], truth[at], None if figure is None else figure[at]) for at in range(len(truth))
        ]
        if clips:
            self.add(keys, {name: torch.stack([clip[name] for clip in clips]) for name in clips[0]})

    def _clip(self, prediction: Tensor, truth: Tensor, figure: Tensor | None) -> dict[str, Tensor]:
        """The values by name, over the frames (F,) of one clip or their steps (F - 1,)."""
        rows: list[dict[str, Tensor]] = []
        steps: list[dict[str, Tensor]] = []
        before: list[Tensor] = []
        for at in range(len(truth)):
            frames = [eight_bit(prediction[at]), eight_bit(truth[at])]
            rows.append(self._frame(frames[0], frames[1], None if figure is None else figure[at]))
            if before:
                pairs = [torch.stack(pair) for pair in zip(before, frames, strict=True)]
                steps.append({name: CLIP[name](*pairs)[0] for name in self.clip_names})
            before = frames
        values = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        for name in self.clip_names if steps else ():
            values[name] = torch.stack([step[name] for step in steps])
        return values

    def _frame(self, prediction: Tensor, truth: Tensor, figure: Tensor | None) -> dict[str, Tensor]:
        """The scores by name of one frame (3, H, W)."""
        values = {name: WHOLE[name](prediction, truth) for name in self.frame_names if name in WHOLE}
        for name in (name for name in self.frame_names if name in MAPPED):
            mapped, finish = MAPPED[name]
            pixels = mapped(prediction, truth)
            values[name] = finish(mean_over(pixels))
            if figure is not None:
                values[f"{name}_figure"] = finish(mean_over(pixels, figure))
        return values

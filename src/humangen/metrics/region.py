"""Try-on: how well the garment was painted inside the region, and whether the outside stayed as it was.

No score here knows garments: `garment_fidelity` of an unpaired picture needs a network of features, because the
colours of a region that also holds skin and background say too little about a flat garment picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from humangen.metrics.colour import ciede2000, to_lab
from humangen.metrics.image import decibels, eight_bit, mean_over
from humangen.metrics.samples import SampleScores, Table
from humangen.metrics.suite import MAPPED
from humangen.types import InputError

NAMES = (
    *MAPPED,
    "psnr_box",
    "psnr_region",
    "ssim_region",
    "psnr_outside",
    "ssim_outside",
    "max_outside",
    "delta_e",
    "old_garment_distance",
)


def boxes(region: Tensor) -> Tensor:
    """The smallest upright boxes (K, H, W), bool, that hold all of each region (K, H, W)."""
    rows, columns = region.any(2), region.any(1)
    return _between(rows)[:, :, None] & _between(columns)[:, None, :]


def _between(marks: Tensor) -> Tensor:
    """True from the first to the last mark of each line (K, N)."""
    marks = marks.long()
    return (marks.cumsum(1) > 0) & (marks.flip(1).cumsum(1).flip(1) > 0)


def delta_e_map(one: Tensor, other: Tensor, region: Tensor) -> Tensor:
    """CIEDE2000 (K, H, W) of the pixels of `region` (K, H, W) of two pictures (K, 3, H, W) in [0, 1], 0 elsewhere."""
    values = torch.zeros(region.shape, dtype=torch.float64, device=region.device)
    values[region] = ciede2000(*(to_lab(picture.movedim(1, -1)[region]) for picture in (one, other)))
    return values


def largest_difference(one: Tensor, other: Tensor, region: Tensor) -> Tensor:
    """The largest absolute difference (K,) of any channel in a region (K, H, W), in levels of 1/255."""
    errors = (one - other).abs().amax(1) * 255
    return errors.masked_fill(~region, -torch.inf).flatten(1).amax(1).masked_fill(~region.flatten(1).any(1), torch.nan)


class RegionScores(SampleScores):
    """Each score is one number per sample, then the mean over the samples that have it; pixels are rounded to 8 bits.

    psnr, ssim, l1        of the whole picture, what was kept of the person included: what published tables have
    psnr_box              dB in the box around the region, what it holds of the outside included
    psnr_region           dB of the region's own pixels
    ssim_region           mean over the region of the similarity map, whose windows look 5 pixels beyond it
    psnr_outside, ssim_outside, max_outside   likewise for all other pixels; the last is the largest of any sample,
                          in levels of 1/255, and 0 where the outside is untouched
    delta_e               mean CIEDE2000 between painted and true garment, where it is `worn`
    old_garment_distance  mean CIEDE2000 inside the region between the painted picture and the person as she was

    The old distance says little alone: the true picture's own is what a perfect painting would have.
    """

    def __init__(self, names: Sequence[str] = NAMES) -> None:
        if unknown := set(names) - set(NAMES):
            raise InputError(f"no score is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
        super().__init__(names)

    def update(
        self,
        painted: Tensor,
        truth: Tensor,
        region: Tensor,
        worn: Tensor | None = None,
        old: Tensor | None = None,
        *,
        keys: Sequence[str] | None = None,
    ) -> None:
        """`painted`, `truth` and `old` (the person before) (K, 3, H, W) in [-1, 1]; `region`, `worn` (K, 1, H, W) bool.

        `keys` of unpaired samples name person and garment.
        """
        painted, truth = eight_bit(painted), eight_bit(truth)
        inside = region[:, 0]
        maps = {name: mapped(painted, truth) for name, (mapped, _) in MAPPED.items()}
        errors, similarities = maps["psnr"], maps["ssim"]
        values = {name: finish(mean_over(maps[name])) for name, (_, finish) in MAPPED.items()} | {
            "psnr_box": decibels(mean_over(errors, boxes(inside))),
            "psnr_region": decibels(mean_over(errors, inside)),
            "ssim_region": mean_over(similarities, inside),
            "psnr_outside": decibels(mean_over(errors, ~inside)),
            "ssim_outside": mean_over(similarities, ~inside),
            "max_outside": largest_difference(painted, truth, ~inside),
        }
        if worn is not None:
            values["delta_e"] = mean_over(delta_e_map(painted, truth, worn[:, 0]), worn[:, 0])
        if old is not None:
            values["old_garment_distance"] = mean_over(delta_e_map(painted, eight_bit(old), inside), inside)
        self.add(keys, values)

    def compute(self) -> dict[str, float]:
        """By name; without any `worn` or `old`, their names are left out."""
        return summary(self.table())


def summary(table: Table) -> dict[str, float]:
    """The means of a table of these scores, but the largest of `max_outside`."""
    scores = table.means()
    if "max_outside" in scores:
        largest, counts = table.column("max_outside")
        scores["max_outside"] = float(largest[counts > 0].max())
    return scores

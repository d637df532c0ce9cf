"""How a metric is read: which way is better, and how many of its digits are shown."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from humangen.metrics.video import DRIFT

HIGHER, LOWER, NEITHER = 1, -1, 0
ARROWS = {HIGHER: " ↑", LOWER: " ↓", NEITHER: ""}
SECONDS, STEP_SECONDS, RATE = "s/sample", "step s", "samples/s"

# by the beginning of a name, the first that fits; old_garment_distance is of no use alone, so neither way of it is
# better, and psnr_wrapped ranks nothing
DIRECTIONS = {
    "psnr_wrapped": NEITHER,
    **dict.fromkeys(("psnr", "ssim", "clip_i", "dino", "arcface", "garment_fidelity", RATE), HIGHER),
    **dict.fromkeys(("l1", "lpips", "fid", "fvd", "fd_", "kid", "kvd", "delta_e", "dtssd", "pose_"), LOWER),
    **dict.fromkeys(("max_outside", SECONDS, STEP_SECONDS), LOWER),
}
FINE = ("ssim", "l1", "lpips", "clip_i", "dino", "arcface", "garment_fidelity", "pose_")  # numbers below one
TINY = ("l1_disco", "dtssd", "kid", "kvd", SECONDS, STEP_SECONDS, RATE)  # which may be far below
OUTSIDE = "_outside"
CASES = 3  # worst and best samples that are shown


@dataclass(frozen=True)
class Column:
    """A metric's name, `better` (HIGHER, LOWER or NEITHER), and `form`, the format of its numbers."""

    name: str
    better: int
    form: str

    @classmethod
    def of(cls, name: str) -> Column:
        bare = name.removeprefix(DRIFT)
        known = [DIRECTIONS[start] for start in DIRECTIONS if bare.startswith(start)]
        form = "#.4g" if bare.startswith(TINY) else ".4f" if bare.startswith(FINE) else ".2f"
        return cls(name, known[0] if known else NEITHER, form)

    @property
    def title(self) -> str:
        return self.name + ARROWS[self.better]

    def shown(self, value: float) -> str:
        return format(value, self.form).removesuffix(".")

    def shown_beside(self, value: float, other: float) -> str:
        """As many digits behind the point as a number of which `value` is the spread has."""
        _, point, digits = self.shown(other).partition(".")
        return f"{value:.{len(digits)}f}" if point and digits.isdigit() else self.shown(value)

    def beats(self, one: float, other: float) -> bool:
        return (one - other) * self.better > 0

    def best(self, values: Iterable[float]) -> float:
        return max(values, key=lambda value: value * self.better)

    @property
    def leads(self) -> bool:
        """Whether it may say which setting is best: what lies outside a region is best where nothing is painted."""
        return self.better != NEITHER and OUTSIDE not in self.name


def leading(names: Iterable[str], known: Container[str]) -> Column | None:
    """The first of the metrics `names` that may say what is best and is among `known`."""
    columns = (Column.of(name) for name in names if name in known)
    return next((column for column in columns if column.leads), None)


def extremes(scores: dict[str, float], column: Column, count: int) -> tuple[list[str], list[str]]:
    """The keys of the `count` worst and of as many best scores, the most extreme first; none is best where there are
    too few for both."""
    order = sorted(scores, key=lambda key: (scores[key] * column.better, key))
    return order[:count], order[::-1][:count] if len(order) >= 2 * count else []

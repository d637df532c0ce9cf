"""What the label numbers of parse maps mean: a table for each parser, for they differ in nearly all numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humangen.types import InputError


@dataclass(frozen=True)
class Labels:
    """What the label numbers 0 to `last` of a parser mean. `arms` are left and right, the person's own; `carried`
    lies in front of the clothes and is no garment."""

    last: int
    hair: tuple[int, ...]  # and hat, and glasses
    face: int
    neck: tuple[int, ...]
    arms: tuple[int, int]
    legs: tuple[int, int]
    tops: tuple[int, ...]
    dress: tuple[int, ...]
    bottoms: tuple[int, ...]
    carried: tuple[int, ...]


# A scarf is in none: parsers call collars so.
PARSERS = {
    "cihp": Labels(19, (1, 2, 4), 13, (10,), (14, 15), (16, 17), (5, 7), (6,), (8, 9, 12), (18, 19)),
    "atr": Labels(18, (1, 2, 3), 11, (18,), (14, 15), (12, 13), (4,), (7,), (5, 6, 8), (9, 10, 16)),
}


def check_labels(parse: np.ndarray, parser: str, name: str = "the parse map") -> None:
    """Raises `InputError` where a parse map holds a number that its parser has not."""
    if parse.max() > PARSERS[parser].last:
        raise InputError(
            f"{name} holds {parse.max()}, and {parser} has labels 0 to {PARSERS[parser].last}: "
            "it must hold label numbers, not their colours"
        )


def clothes(labels: Labels, category: str) -> tuple[int, ...]:
    """The worn clothes that a garment of this category takes the place of; a dress goes with every one."""
    halves = {"upper": labels.tops, "lower": labels.bottoms, "dress": labels.tops + labels.bottoms}
    return labels.dress + halves[category]


def worn_clothes(parse: np.ndarray, parser: str, category: str) -> np.ndarray:
    """Where `clothes` are, bool (H, W), in label numbers uint8 (H, W)."""
    return np.isin(parse, clothes(PARSERS[parser], category))


def covered_and_kept(labels: Labels, category: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The labels that a region for this category covers, and those that it keeps."""
    above, below = labels.neck + labels.arms, labels.legs
    skin = {"upper": above, "lower": below, "dress": above + below}
    other = {"upper": labels.bottoms + below, "lower": labels.tops + above, "dress": ()}
    return clothes(labels, category) + skin[category], labels.carried + other[category]

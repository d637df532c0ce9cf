"""The one number that a search makes larger or smaller."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from humangen.metrics.registry import unavailable
from humangen.report.columns import HIGHER, leading
from humangen.types import InputError

MAXIMIZE, MINIMIZE = "maximize", "minimize"


def direction(metrics: Sequence[str] | None) -> str:
    """Where the objective is better: that of a protocol's `metrics`, or the validation loss if there is no protocol."""
    column = leading(metrics or [], metrics or [])
    return MAXIMIZE if column and column.better == HIGHER else MINIMIZE


def described(metrics: Sequence[str], weights: str | None) -> str:
    """The name of the protocol's `metrics` that a search is over. Raises `InputError` where no trial can have it: that
    another one stood in for it would make the trials of one search incomparable."""
    column = leading(metrics, metrics)
    if column is None:
        raise InputError(
            "a search is over the protocol's first metric that can say which setting is best, and none of "
            f"{', '.join(metrics)} can: give another in protocol.definition.metrics"
        )
    if why := unavailable([column.name], weights).get(column.name):
        raise InputError(
            f"this search is over {column.name}, the protocol's first metric that can say which setting is best, and "
            f"it is {why}: humangen weights says where to get it; or give other protocol.definition.metrics"
        )
    return column.name


def of_result(result: Mapping[str, Any]) -> float | None:
    """The leading metric of a result; None where the network that it needs was not there."""
    metrics = result["protocol"]["metrics"]
    column = leading(metrics, metrics)
    return finite(result["scores"].get(column.name)) if column else None


def of_metrics(metrics: Mapping[str, Tensor]) -> float | None:
    """The validation loss of a training."""
    return finite(metrics["val/loss"].item()) if "val/loss" in metrics else None


def finite(value: Any) -> float | None:
    """`value` where it is a number that others can be compared with."""
    return float(value) if isinstance(value, float | int) and math.isfinite(value) else None

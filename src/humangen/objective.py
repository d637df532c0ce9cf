"""The one number that a search makes larger or smaller."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from humangen.report.columns import HIGHER, Column

MAXIMIZE, MINIMIZE = "maximize", "minimize"


def leading(metrics: Sequence[str]) -> Column | None:
    """The first of a protocol's metrics that can say which setting is best."""
    return next((column for column in map(Column.of, metrics) if column.leads), None)


def direction(metrics: Sequence[str] | None) -> str:
    """Where the objective is better: that of a protocol's `metrics`, or the validation loss if there is no protocol."""
    column = leading(metrics or [])
    return MAXIMIZE if column and column.better == HIGHER else MINIMIZE


def of_result(result: Mapping[str, Any]) -> float | None:
    """The leading metric of a result; None where the network that it needs was not there."""
    column = leading(result["protocol"]["metrics"])
    return finite(result["scores"].get(column.name)) if column else None


def of_metrics(metrics: Mapping[str, Tensor]) -> float | None:
    """The validation loss of a training."""
    return finite(metrics["val/loss"].item()) if "val/loss" in metrics else None


def finite(value: Any) -> float | None:
    """`value` where it is a number that others can be compared with."""
    return float(value) if isinstance(value, float | int) and math.isfinite(value) else None

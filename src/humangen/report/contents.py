"""What the files of a run say, checked: a report is of whatever somebody has kept, older results among it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from humangen.types import InputError

RESULT, TRAINING, SAMPLES = "result.json", "training.json", "samples.json"
NEEDED = ("scores", "protocol", "resolution", "samples", "keys_sha256")  # what a result says of its ruler and numbers
BESIDE = ("variants", "floors", "ceilings")
KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("scores", "intervals", "intervals_beside", "networks", "protocol", *BESIDE), dict),
    **dict.fromkeys(("seconds_per_sample", "seconds"), (int, float)),
    **dict.fromkeys(("device", "painted", "predictions", "note"), str),
    "samples": int,
    **dict.fromkeys(("resolution", "painted_on"), list),
}
UNDEFINED = "undefined"  # of what is no number, and so is neither better nor worse than any

Scores = dict[str, float | str]  # a metric that could not run, or has no value, says why


def read_names(path: Path) -> dict[str, Any] | None:
    """The content of a JSON file; None where there is none. Raises `InputError` where it is not what we write."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is not readable: {error}") from error
    return _names(content, str(path))


def read_result(path: Path) -> dict[str, Any] | None:
    """A result whose scores are finite numbers or words. Raises `InputError` where it says what no result says."""
    result = _of_kinds(path)
    if result is None:
        return None
    if lacking := [name for name in NEEDED if result.get(name) is None]:
        raise InputError(f"its {path.name} says nothing of {', '.join(lacking)}: score it again")
    networks = _each(result, "networks", path)
    for name, details in networks.items():
        _check_kinds(details, f"{path}: networks.{name}")
    metrics = result["protocol"].get("metrics") or []
    if not isinstance(metrics, list):
        raise InputError(f"{path}: protocol.metrics is {metrics!r}, and no list")
    beside = {
        field: {name: _scores(each, f"{path}: {field}.{name}") for name, each in _each(result, field, path).items()}
        for field in BESIDE
    }
    intervals = {
        name: _intervals(each, f"{path}: intervals_beside.{name}")
        for name, each in _each(result, "intervals_beside", path).items()
    }
    return (
        result
        | beside
        | {
            "scores": _scores(result["scores"], f"{path}: scores"),
            "intervals": _intervals(result.get("intervals") or {}, f"{path}: intervals"),
            "intervals_beside": intervals,
            "networks": networks,
        }
    )


def read_training(path: Path) -> dict[str, Any] | None:
    return _of_kinds(path)


def read_samples(path: Path) -> dict[str, dict[str, float]]:
    """The numbers of each sample by its key; nothing where they were not kept."""
    content = read_names(path) or {}
    known = {key: _scores(_names(each, f"{path}: {key}"), f"{path}: {key}") for key, each in content.items()}
    return {
        key: {name: value for name, value in each.items() if not isinstance(value, str)} for key, each in known.items()
    }


def _of_kinds(path: Path) -> dict[str, Any] | None:
    content = read_names(path)
    _check_kinds(content or {}, str(path))
    return content


def _check_kinds(content: dict[str, Any], whose: str) -> None:
    for name, kind in KINDS.items():
        value = content.get(name)
        if value is not None and (not isinstance(value, kind) or isinstance(value, float) and not math.isfinite(value)):
            raise InputError(f"{whose}: {name} is {value!r}, which humangen does not write")


def _each(result: dict[str, Any], field: str, path: Path) -> dict[str, dict[str, Any]]:
    return {name: _names(each, f"{path}: {field}.{name}") for name, each in (result.get(field) or {}).items()}


def _names(content: Any, whose: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise InputError(f"{whose} is not what humangen writes: no names in it")
    return content


def _scores(values: dict[str, Any], whose: str) -> Scores:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, float | int | str):
            raise InputError(f"{whose}.{name} is {value!r}, neither a number nor a word")
    return {
        name: value if isinstance(value, str) or math.isfinite(value) else UNDEFINED for name, value in values.items()
    }


def _intervals(values: dict[str, Any], whose: str) -> dict[str, tuple[float, float]]:
    """Those whose ends are both numbers."""
    found = {}
    for name, ends in values.items():
        if not isinstance(ends, list) or len(ends) != 2:
            raise InputError(f"{whose}.{name} is {ends!r}, and no two numbers")
        low, high = _scores(dict(low=ends[0], high=ends[1]), f"{whose}.{name}").values()
        if not isinstance(low, str) and not isinstance(high, str):
            found[name] = (low, high)
    return found

"""Whether results were measured by the same ruler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from humangen.report.runs import Run
from humangen.types import InputError

# what has to be the same, and its word for people
FIELDS = {
    "protocol": "protocol",
    "resolution": "resolution",
    "frames_per_clip": "frames a clip",
    "samples": "number of samples",
    "keys_sha256": "samples",
    "data_sha256": "data",
}


def ruler(result: dict[str, Any]) -> dict[str, str]:
    protocol = result["protocol"]
    known = {key: str(result.get(key)) for key in FIELDS}
    return known | {"protocol": f"{protocol.get('id')} version {protocol.get('version')} {protocol.get('windows', '')}"}


def comparable(runs: Sequence[Run]) -> None:
    """Raises `InputError` where results were measured by different rulers, with a folder of each."""
    rulers: dict[tuple[str, ...], Run] = {}
    for run in runs:
        if run.result:
            rulers.setdefault(tuple(ruler(run.result).values()), run)
    if len(rulers) < 2:
        return
    differing = [
        word for word, values in zip(FIELDS.values(), zip(*rulers, strict=True), strict=True) if len(set(values)) > 1
    ]
    folders = ", ".join(_named(run) for run in rulers.values())
    raise InputError(f"these results differ in {' and '.join(differing)}, and do not compare: {folders}")


def _named(run: Run) -> str:
    protocol = (run.result or {})["protocol"]
    return f"{run.folder} ({protocol.get('id')} version {protocol.get('version')})"

"""On what seconds were spent: those of different devices do not compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from humangen.predictions import UNKNOWN
from humangen.report.runs import Run
from humangen.report.sweep import Arm

NAMED = 4  # arms of one device that a sentence names


def device(arm: Arm) -> str:
    """That of its runs which took time and were scored; empty where none did, as where folders were scored."""
    return " and ".join(
        sorted({name for run in arm.scored if run.result and _timed(run) for name in devices_of(run.result)})
    )


def devices_of(result: dict[str, Any]) -> list[str]:
    """Those that a result was painted on, which need not be the one that scored it; older results name this alone."""
    return result.get("painted_on") or [result.get("device") or UNKNOWN]


def _timed(run: Run) -> bool:
    return run.training is not None or (run.result or {}).get("seconds_per_sample") is not None


def by_device(arms: Sequence[Arm]) -> dict[str, list[Arm]]:
    """The arms that took time, by what it was spent on."""
    found: dict[str, list[Arm]] = {}
    for arm in arms:
        if device(arm):
            found.setdefault(device(arm), []).append(arm)
    return found


def device_notes(arms: Sequence[Arm]) -> list[str]:
    """On what the arms took their time, in a sentence; none where they took none."""
    found = by_device(arms)
    mixed = [*mixed_notes(arms)]
    if len(found) < 2:
        return [f"Seconds are on {name}." for name in found] + mixed
    told = "; ".join(f"{name} ({_few([arm.name for arm in members])})" for name, members in found.items())
    return [f"Seconds are on different devices, and compare on one of them alone: {told}."] + mixed


def mixed_notes(arms: Sequence[Arm]) -> Iterator[str]:
    """A sentence on each result whose pictures were painted on several devices."""
    for arm in arms:
        for run in arm.scored:
            devices = (run.result or {}).get("painted_on") or []
            if len(devices) > 1:
                yield f"{arm.name} was painted on several devices, which round differently: {' and '.join(devices)}."


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return "; ".join(names[:NAMED]) + more

"""Which networks looked at the samples: of which files, at how many, and what to know before their numbers are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from humangen.report.runs import Run
from humangen.report.sweep import Arm
from humangen.types import InputError

DIGITS = 8  # of a sha256
NOTES = 8  # of one network that are shown

Source = tuple[str, tuple[str, ...]]  # a network's name and its files
Detail = tuple[str, str, dict[str, Any]]  # an arm, a metric, and what a result says of it


@dataclass(frozen=True)
class Network:
    """`metrics` that come of one network, and its `files` with the first digits of their sha256; at how many `samples`
    (frames, clips or windows) it looked, and `notes` on the numbers."""

    metrics: Sequence[str]
    name: str
    files: Sequence[str]
    samples: str
    notes: Sequence[str]


def check_networks(runs: Sequence[Run]) -> None:
    """Raises `InputError` where a metric comes of different files in two results."""
    sources: dict[str, tuple[Run, Source]] = {}
    for run in runs:
        for metric, about in _details(run).items():
            source = _source(about)
            other, known = sources.setdefault(metric, (run, source))
            if known != source:
                raise InputError(
                    f"{metric} is of {_told(known)} in {other.folder} and of {_told(source)} in {run.folder}, which "
                    "do not compare: score one of them again with the files of the other"
                )


def networks(arms: Sequence[Arm]) -> list[Network]:
    """Those of all results."""
    by_source: dict[Source, list[Detail]] = {}
    for arm in arms:
        for run in arm.scored:
            for metric, about in _details(run).items():
                by_source.setdefault(_source(about), []).append((arm.name, metric, about))
    return [
        Network([*_names(details)[0]], *source, _samples(details), _notes(details))
        for source, details in by_source.items()
    ]


def _samples(details: Sequence[Detail]) -> str:
    """The number of samples; metric by metric where they differ, as of those that some face or figure was found in."""
    counts: dict[str, set[int]] = {}
    for _, metric, about in details:
        counts.setdefault(metric, set()).add(about.get("samples") or 0)
    told = {metric: " to ".join(map(str, sorted({min(each), max(each)}))) for metric, each in counts.items()}
    distinct = set(told.values())
    return distinct.pop() if len(distinct) == 1 else ", ".join(f"{metric} {count}" for metric, count in told.items())


def _notes(details: Sequence[Detail]) -> list[str]:
    """Each note, behind the metrics and the arms that it is of, where that is not all of them."""
    whose: dict[str, list[Detail]] = {}
    for detail in details:
        if note := detail[2].get("note"):
            whose.setdefault(note, []).append(detail)
    told = [": ".join([*_heads(members, details), note]) for note, members in whose.items()]
    return told if len(told) <= NOTES else [*told[:NOTES], f"and {len(told) - NOTES} more notes"]


def _heads(members: Sequence[Detail], details: Sequence[Detail]) -> Iterator[str]:
    for names, every in zip(_names(members), _names(details), strict=True):
        if names.keys() != every.keys():
            yield " and ".join(names)


def _names(details: Sequence[Detail]) -> tuple[dict[str, None], dict[str, None]]:
    """The metrics and the arms, in order."""
    return dict.fromkeys(metric for _, metric, _ in details), dict.fromkeys(arm for arm, _, _ in details)


def _details(run: Run) -> dict[str, dict[str, Any]]:
    return (run.result or {}).get("networks") or {}


def _source(about: dict[str, Any]) -> Source:
    """The name, and each file with the beginning of its sha256; that alone in results which name no files."""
    files = about.get("files")
    named = files if isinstance(files, dict) else {"": about.get("sha256")}
    return str(about.get("network")), tuple(f"{name}@{str(sha256)[:DIGITS]}" for name, sha256 in named.items())


def _told(source: Source) -> str:
    return f"{source[0]} ({', '.join(source[1])})"

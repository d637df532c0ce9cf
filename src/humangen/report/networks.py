"""Which networks looked at the samples, of which files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from humangen.report.runs import Run
from humangen.types import InputError

DIGITS = 8  # of a sha256


@dataclass(frozen=True)
class Network:
    """`metrics` that come of one network, and its `files` with the first digits of their sha256."""

    metrics: Sequence[str]
    name: str
    files: Sequence[str]


def networks(runs: Sequence[Run]) -> list[Network]:
    """Those of all results. Raises `InputError` where a metric comes of different files in two of them."""
    sources: dict[str, tuple[Run, tuple[str, tuple[str, ...]]]] = {}
    for run in runs:
        for metric, about in ((run.result or {}).get("networks") or {}).items():
            source = str(about.get("network")), _files(about)
            other, known = sources.setdefault(metric, (run, source))
            if known != source:
                raise InputError(
                    f"{metric} is of {_told(known)} in {other.folder} and of {_told(source)} in {run.folder}, which "
                    "do not compare: score one of them again with the files of the other"
                )
    by_source: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for metric, (_, source) in sources.items():
        by_source.setdefault(source, []).append(metric)
    return [Network(metrics, *source) for source, metrics in by_source.items()]


def _files(about: dict[str, object]) -> tuple[str, ...]:
    """Each file with the beginning of its sha256; that alone in results which name no files."""
    files = about.get("files")
    named = files if isinstance(files, dict) else {"": about.get("sha256")}
    return tuple(f"{name}@{str(sha256)[:DIGITS]}" for name, sha256 in named.items())


def _told(source: tuple[str, tuple[str, ...]]) -> str:
    return f"{source[0]} ({', '.join(source[1])})"

"""The ledger as a table: what happened at which stage, how often, and to whom."""

from __future__ import annotations

from collections import defaultdict
from html import escape

from data_prep.items import Problem

ORDER = ("failed", "marked", "repaired")
REASONS, KEYS = 20, 3  # that are shown of each group, and of each reason


def ledger_section(problems: list[Problem], broken: list[str]) -> str:
    """A row for each outcome and stage, its reasons to be unfolded; lines that are none stand as they are."""
    groups: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for problem in problems:
        groups[problem.outcome, problem.stage][problem.reason].append(problem.key)
    ordered = sorted(groups, key=lambda group: (ORDER.index(group[0]) if group[0] in ORDER else len(ORDER), group))
    rows = "".join(_row(*group, groups[group]) for group in ordered)
    head = "".join(f"<th>{name}</th>" for name in ("outcome", "stage", "lines", "reasons"))
    table = f'<div class="scroll"><table class="ledger"><tr>{head}</tr>{rows}</table></div>'
    return (
        "<p>What <b>failed</b> is left out; <b>marked</b> and <b>repaired</b> samples are there.</p>"
        f"{table if rows else '<p>It has no lines.</p>'}{_broken(broken)}"
    )


def _row(outcome: str, stage: str, reasons: dict[str, list[str]]) -> str:
    count = sum(map(len, reasons.values()))
    frequent = sorted(reasons.items(), key=lambda item: -len(item[1]))
    items = "".join(f"<li>{_reason(reason, keys)}</li>" for reason, keys in frequent[:REASONS])
    left = len(reasons) - REASONS
    cut = f"<li>... and {left:,} other reasons, all of them in ledger.jsonl</li>" if left > 0 else ""
    fold = "<details open>" if outcome == ORDER[0] else "<details>"
    told = f"{fold}<summary>{len(reasons):,} different</summary><ul>{items}{cut}</ul></details>"
    return (
        f'<tr><td><b class="chip {escape(outcome)}">{escape(outcome)}</b></td><td>{escape(stage)}</td>'
        f"<td>{count:,}</td><td>{told if len(reasons) > 1 else _reason(*frequent[0])}</td></tr>"
    )


def _reason(reason: str, keys: list[str]) -> str:
    more = f" and {len(keys) - KEYS:,} more" if len(keys) > KEYS else ""
    return f"{escape(reason)} <small>{escape(', '.join(keys[:KEYS]))}{more}</small>"


def _broken(lines: list[str]) -> str:
    if not lines:
        return ""
    cut = f"\n... and {len(lines) - REASONS:,} more" if len(lines) > REASONS else ""
    text = escape("\n".join(line[:500] for line in lines[:REASONS]))
    return (
        f'<div class="note"><b>{len(lines):,} broken lines of the ledger, as they stand</b><pre>{text}{cut}</pre></div>'
    )

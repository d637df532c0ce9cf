"""One HTML page that holds everything it shows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from humangen.media import replacing
from humangen.report import pictures
from humangen.report.formats import html
from humangen.report.plots import draw_curves, draw_scores
from humangen.report.report import Report
from humangen.report.sweep_plots import draw_axes, draw_costs

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1240px; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .25rem .7rem; text-align: right; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
.scores td, .scores th { border-top: 1px solid #ddd }
.scores .interval td { border: 0; padding-top: 0; font-size: .8em; color: #777 }
.scores .interval td:first-child { padding-left: 1.7rem }
.variant, .floor, .ceiling { color: #666 }
.networks td, .networks th { text-align: left; white-space: normal; vertical-align: top }
.networks { font-size: .85em }
.networks td:nth-child(2) { overflow-wrap: anywhere; min-width: 12rem }
.networks td:last-child { min-width: 20rem }
.scroll { overflow-x: auto }
.clips td, .clips th, .clips th:first-child { padding: .15rem; text-align: center; vertical-align: top }
.clips th { white-space: normal; font-size: .8em; max-width: 128px; overflow-wrap: anywhere; vertical-align: bottom }
.clips td:first-child { max-width: 6rem; overflow-wrap: anywhere; white-space: normal; vertical-align: middle }
.clips img { width: 128px; border-radius: 4px }
figure { margin: 0 } figcaption, small { font-size: .8em; color: #555 }
.plots img { width: 48%; min-width: 320px; margin: .3rem; vertical-align: top }
"""


def write_page(path: Path, title: str, report: Report) -> None:
    """What is best, table, plots, pictures, and what is missing."""
    body = (
        f"<h1>{escape(title)}</h1>{_paragraph(report.verdict)}{html(report.table)}{_paragraph(report.notes)}"
        f'<div class="plots">{_plots(report)}</div>{_pictures(report)}{_networks(report)}{_left_out(report)}'
    )
    with replacing(path) as temporary:
        temporary.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><body>{body}</body></html>\n'
        )


def _paragraph(sentences: Sequence[str]) -> str:
    return f"<p>{escape(' '.join(sentences))}</p>" if sentences else ""


def _plots(report: Report) -> str:
    made: dict[str, bytes] = {}
    if report.column:
        cells = report.cells
        made |= draw_axes(report.sweep, report.column, cells)
        made |= draw_costs(report.sweep.arms, report.column, cells)
        made |= {"scores": draw_scores(report.table.rows, report.column)}
    made |= draw_curves(report.sweep.arms)
    return "".join(pictures.image(data, "png", name) for name, data in made.items())


def _pictures(report: Report) -> str:
    arms = report.by_rank()
    shown = pictures.strips(report.sweep.arms if len(arms) <= pictures.MOST_ARMS else arms)
    return shown + (pictures.cases(arms, column) if (column := report.case_column) else "")


def _networks(report: Report) -> str:
    """A row per network that looked at the samples."""
    rows = "".join(
        f"<tr><td>{escape(each.name)}</td><td>{escape(', '.join(each.files))}</td>"
        f"<td>{escape(', '.join(each.metrics))}</td><td>{escape(each.samples)}</td>"
        f"<td>{''.join(f'<div>{escape(note)}</div>' for note in each.notes)}</td></tr>"
        for each in report.networks
    )
    head = "<tr><th>network</th><th>files @ sha256</th><th>metrics</th><th>samples it saw</th><th>notes</th></tr>"
    return f'<h2>Networks</h2><div class="scroll"><table class="networks">{head}{rows}</table></div>' if rows else ""


def _left_out(report: Report) -> str:
    return f"<h2>Left out</h2><ul>{_items(report.left_out)}</ul>" if report.left_out else ""


def _items(reasons: dict[Path, str]) -> str:
    return "".join(_item(f"{folder}: {why}") for folder, why in reasons.items())


def _item(text: str) -> str:
    return f"<li>{escape(text)}</li>"

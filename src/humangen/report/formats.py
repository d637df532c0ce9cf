"""Tables as text for people, papers and programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from humangen.media import replacing
from humangen.report.tables import ARM, INTERVAL, Cell, Line, Row, Table

LATEX = {"\\": r"\textbackslash{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "±": r"$\pm$", "~": r"\textasciitilde{}"}
LATEX |= {mark: f"\\{mark}" for mark in "&%$#_{}"} | {"^": r"\textasciicircum{}"}
BROKEN = str.maketrans({"|": r"\|", "\n": " "})


def markdown(table: Table) -> str:
    lines = [["", *table.titles], ["---", *["---:"] * len(table.titles)]]
    for line in table.lines():
        texts = [text.translate(BROKEN) for text in (line.name, *line.texts)]
        best = (False, *line.best)
        lines.append([f"**{text}**" if mark else text for text, mark in zip(texts, best, strict=True)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def latex(table: Table) -> str:
    """A tabular in the style of booktabs."""
    body = []
    before = ARM
    for line in table.lines():
        if line.kind not in (before, INTERVAL):
            body.append(r"\midrule")
            before = line.kind
        body.append(" & ".join(_latex_texts(line)) + r" \\")
    head = " & ".join(_latex(title) for title in ("", *table.titles)) + r" \\"
    lines = [f"\\begin{{tabular}}{{l{'r' * len(table.titles)}}}", r"\toprule", head, r"\midrule", *body]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _latex_texts(line: Line) -> list[str]:
    """An interval is set small, below its number."""
    if line.kind == INTERVAL:
        return [
            rf"\quad {_latex(line.name)}",
            *(rf"{{\scriptsize {_latex(text)}}}" if text else "" for text in line.texts),
        ]
    cells = zip(line.texts, line.best, strict=True)
    return [_latex(line.name), *(rf"\textbf{{{_latex(text)}}}" if best else _latex(text) for text, best in cells)]


def _latex(text: str) -> str:
    return "".join(LATEX.get(mark, mark) for mark in text)


def comma_separated(table: Table) -> str:
    """For programs: numbers in full, and of how many samples; with rows for the spread over runs and the ends of
    intervals."""
    buffer = io.StringIO()
    names = [column.name for column in table.columns]
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["name", "kind", "runs", "samples", *names])
    for row in table.rows:
        for kind, values in _numbers(row, names).items():
            writer.writerow([row.name, kind, row.runs, row.samples, *values])
    return buffer.getvalue()


def _numbers(row: Row, names: Sequence[str]) -> dict[str, list[float | str]]:
    cells = [row.cells.get(name, Cell()) for name in names]
    rows: dict[str, list[float | str]] = {row.kind: [cell.mean if cell.values else cell.text for cell in cells]}
    if any(cell.spread is not None for cell in cells):
        rows["spread"] = ["" if cell.spread is None else cell.spread for cell in cells]
    if any(cell.interval for cell in cells):
        rows["interval low"], rows["interval high"] = (
            [cell.interval[end] if cell.interval else "" for cell in cells] for end in (0, 1)
        )
    return rows


def html(table: Table) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in ("", *table.titles))
    body = "".join(
        f'<tr class="{line.kind}"><td>{escape(line.name)}</td>'
        + "".join(
            f"<td>{f'<b>{escape(text)}</b>' if best else escape(text)}</td>"
            for text, best in zip(line.texts, line.best, strict=True)
        )
        + "</tr>"
        for line in table.lines()
    )
    return f'<div class="scroll"><table class="scores"><tr>{head}</tr>{body}</table></div>'


def write_tables(table: Table, notes: Sequence[str], folder: Path) -> list[str]:
    """The names of the files it wrote; `notes` say what the numbers are of, wherever a person reads them."""
    told = " ".join(notes)
    texts = {
        "table.md": f"{markdown(table)}\n{told}\n",
        "table.csv": comma_separated(table),
        "table.tex": f"% {told}\n{latex(table)}",
    }
    for name, text in texts.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(text)
    return [*texts]

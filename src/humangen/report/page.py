"""One HTML page that holds everything it shows."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

import pandas as pd

from humangen.media import replacing
from humangen.report.plots import draw_curves, draw_scores
from humangen.report.runs import Run

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
.scroll { overflow-x: auto }
.clips td, .clips th:first-child, .clips th { border: 0; padding: .15rem; text-align: center }
.clips img { width: 128px; border-radius: 4px }
code { background: #f2f2f2; padding: .1rem .3rem; border-radius: 3px }
.plots img { width: 48%; min-width: 320px; margin: .3rem }
"""
PICTURES = (
    *("reference.png", "poses.gif", "painted.gif", "isolated.gif", "truth.gif"),  # of animation
    *("person.png", "left.png", "garment.png", "painted.png", "isolated.png", "truth.png"),  # of try-on
)


def _image(data: bytes, kind: str, label: str) -> str:
    return f'<img alt="{escape(label)}" src="data:image/{kind};base64,{base64.b64encode(data).decode()}">'


def _table(frame: pd.DataFrame) -> str:
    return f'<div class="scroll">{frame.to_html(border=0)}</div>'


def _clips(run: Run) -> str:
    """The moving pictures an evaluation kept: a row per clip."""
    folders = sorted(path for path in (run.folder / "clips").glob("*") if path.is_dir())
    if not folders:
        return ""
    kept = [name for name in PICTURES if (folders[0] / name).is_file()]
    head = "".join(f"<th>{Path(name).stem}</th>" for name in kept)
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{_image((folder / name).read_bytes(), Path(name).suffix[1:], name)}</td>" for name in kept)
        + "</tr>"
        for folder in folders
    )
    table = f'<table class="clips"><tr>{head}</tr>{rows}</table>'
    return f'<h2>{escape(str(run.folder))}</h2><div class="scroll">{table}</div>'


def _bars(frame: pd.DataFrame) -> str:
    for name, title in (("psnr", "PSNR (dB)"), ("psnr_box", "PSNR in the box around the region (dB)")):
        if name in frame:
            scores = frame[name][frame[name] != ""]
            values = [float(text.split()[0]) for text in scores]
            return _image(draw_scores(list(scores.index), values, title), "png", "scores")
    return ""


def write_page(path: Path, title: str, runs: Sequence[Run], frame: pd.DataFrame) -> None:
    """Table, score bars, training curves and moving pictures of `runs`."""
    plots = "".join(_image(data, "png", name) for name, data in draw_curves(runs).items())
    body = (
        f"<h1>{escape(title)}</h1>{_table(frame)}"
        f'{"".join(map(_clips, runs))}<div class="plots">{_bars(frame)}{plots}</div>'
    )
    with replacing(path) as temporary:
        temporary.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><body>{body}</body></html>\n'
        )

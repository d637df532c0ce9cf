"""One HTML page about a prepared folder that holds everything it shows."""

from __future__ import annotations

import base64
from collections import Counter
from html import escape
from pathlib import Path

import numpy as np
from rich.progress import track
from upath import UPath

from data_prep.inspect.figures import Picture, Row, row
from data_prep.inspect.folder import Split, open_splits, read_ledger
from data_prep.inspect.ledger import ledger_section
from data_prep.inspect.odd import odd
from data_prep.inspect.plots import histograms
from data_prep.inspect.style import STYLE
from humangen.media import replacing

SHOWN = 8  # samples of a split
BARS = 150  # of a clip's timeline
LEGEND = {
    "animation": "<b>picture</b> is the frame in which most of the person is seen, with the box "
    '<i class="box"></i> round where she is in the whole clip and the source\'s own outline <i class="outline"></i> '
    "where these are known; the bars below a name show how much of the body is seen from the first frame to the last "
    '<i class="one"></i>, and which frames are not used, for they show <i class="nobody"></i> nobody or '
    '<i class="several"></i> several people.',
    "tryon": '<b>region</b> <i class="region"></i> is what is painted; <b>parse</b> has a colour for each label.',
}


def write_page(folder: UPath, output: Path) -> None:
    """The page about all splits of `folder`; raises `InputError` where there is nothing to look at."""
    splits = open_splits(folder)
    problems, broken = read_ledger(folder)
    title = f"{folder.name}: what was prepared"
    sheets = "".join(_sheet(split) for split in track(splits, "look at samples"))
    body = (
        f"<h1>{escape(title)}</h1><p>{_summary(splits)} <code>{escape(str(folder))}</code></p>"
        f"{_table(splits)}{_oddities(odd(splits))}{sheets}"
        f"<h2>How they are spread</h2>{_plots(splits)}{ledger_section(problems, broken)}"
    )
    with replacing(output) as temporary:
        temporary.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><body>{body}</body></html>\n'
        )


def _summary(splits: list[Split]) -> str:
    people = len({line["identity"] for split in splits for line in split.lines})
    samples = sum(split.index.num_samples for split in splits)
    return f"{samples:,} samples of {people:,} people in"


def _table(splits: list[Split]) -> str:
    head = ("split", "samples", "people", "frames", "minutes", "size", "shards", "pixels", "pose", "latents")
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in _cells(split))}</tr>" for split in splits)
    return f'<div class="scroll"><table><tr>{"".join(f"<th>{name}</th>" for name in head)}</tr>{rows}</table></div>'


def _cells(split: Split) -> list[str]:
    lines, index = split.lines, split.index
    is_clips = index.kind == "animation"
    sizes = Counter(f"{line['height']}x{line['width']}" for line in lines).most_common()
    poses = sorted({escape(str(line["pose"])) for line in lines if line.get("pose")})
    bytes_ = sum(shard.num_bytes for shard in index.shards)
    return [
        f'<a href="#{escape(split.name)}">{escape(split.name)}</a>',
        f"{index.num_samples:,}",
        f"{len({line['identity'] for line in lines}):,}",
        f"{sum(line['frames'] for line in lines):,}" if is_clips else "",
        f"{sum(line['frames'] / line['fps'] for line in lines) / 60:,.1f}" if is_clips else "",
        f"{bytes_ / 1e9:,.2f} GB" if bytes_ >= 1e9 else f"{bytes_ / 1e6:,.1f} MB",
        f"{len(index.shards):,}",
        ", ".join(size for size, _ in sizes[:2]) + (f" and {len(sizes) - 2} more" if len(sizes) > 2 else ""),
        ", ".join(poses),
        f"{index.latents.height}x{index.latents.width}" if index.latents else "",
    ]


def _oddities(notes: list[str]) -> str:
    if not notes:
        return '<p class="note good">Nothing odd: nobody is in two splits, and every sample can be of use.</p>'
    return f'<div class="note"><b>Odd</b><ul>{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul></div>'


def _sheet(split: Split) -> str:
    """Some samples of a split, a row each."""
    rows = [row(sample, split.index.kind) for sample in split.samples(SHOWN)]
    columns = list(dict.fromkeys(name for each in rows for name in each.cells))
    head = "".join(f"<th>{name}</th>" for name in ("", *columns))
    body = "".join(_row(each, columns) for each in rows)
    return (
        f'<h2 id="{escape(split.name)}">{escape(split.name)}</h2>'
        f"<p>{len(rows)} of {split.index.num_samples:,} samples, spread evenly. {LEGEND[split.index.kind]}</p>"
        f'<div class="scroll"><table class="sheet"><tr>{head}</tr>{body}</table></div>'
    )


def _row(each: Row, columns: list[str]) -> str:
    facts = "<br>".join(map(escape, each.facts))
    head = f'<td class="facts"><b>{escape(each.key)}</b><br>{facts}{_timeline(each)}</td>'
    if each.error:
        return f'<tr>{head}<td class="note" colspan="{max(len(columns), 1)}">{escape(each.error)}</td></tr>'
    cells = ("".join(map(_shown, each.cells.get(name, []))) for name in columns)
    return f"<tr>{head}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _shown(picture: Picture) -> str:
    data = base64.b64encode(picture.data).decode()
    label = escape(picture.label)
    if picture.moves:
        shown = f'<video autoplay loop muted playsinline src="data:video/mp4;base64,{data}"></video>'
    else:
        shown = f'<img alt="{label}" class="{picture.mark}" src="data:image/jpeg;base64,{data}">'
    return f"<figure>{shown}<figcaption>{label}</figcaption></figure>"


def _timeline(each: Row) -> str:
    """Bars from the first frame to the last: as high as the body is seen, in the colour of how many people there are."""
    if each.seen is None or each.people is None:
        return ""
    bars = []
    for place, frames in enumerate(np.array_split(np.arange(len(each.seen)), min(BARS, len(each.seen)))):
        people = each.people[frames]
        mark = "nobody" if (people == 0).any() else "several" if (people > 1).any() else "one"
        height = 20 * float(each.seen[frames].mean() if mark == "one" else 1)
        bars.append(f'<rect class="{mark}" x="{place}" width="1.05" y="{20 - height:.1f}" height="{height:.1f}"/>')
    return f'<svg viewBox="0 0 {len(bars)} 20" preserveAspectRatio="none">{"".join(bars)}</svg>'


def _plots(splits: list[Split]) -> str:
    images = (
        f'<img alt="{escape(title)}" src="data:image/svg+xml;base64,{base64.b64encode(data).decode()}">'
        for title, data in histograms(splits).items()
    )
    return f'<div class="plots">{"".join(images)}</div>'

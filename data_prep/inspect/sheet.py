"""The contact sheet of a split in HTML."""

from __future__ import annotations

import base64
from html import escape

import numpy as np

from data_prep.inspect.figures import Picture, Row, row
from data_prep.inspect.folder import Split

SHOWN = 8  # samples of a split
BARS = 150  # of a clip's timeline
LEGENDS = {
    "animation": "<b>picture</b> is the frame in which most of the person is seen, with the box "
    '<i class="box"></i> round where she is in the whole clip and the source\'s own outline <i class="outline"></i> '
    "where these are known. The bars below a name go from the first frame to the last: "
    '<i class="one"></i> how much of the body is seen; <i class="nobody"></i> nobody and <i class="several"></i> '
    "several people, frames that are not used. <b>marked</b> are frames of these kinds and those without a keypoint.",
    "tryon": '<b>region</b> <i class="region"></i> is what is to be painted; <b>parse</b> has a colour for each label.',
}


def sheet(split: Split) -> str:
    """Some samples of a split, a row each."""
    rows = [row(sample, split.index.kind) for sample in split.samples(SHOWN)]
    columns = list(dict.fromkeys(name for each in rows for name in each.cells))
    head = "".join(f"<th>{name}</th>" for name in ("", *columns))
    body = "".join(_row(each, columns) for each in rows)
    return (
        f'<h3 id="{escape(split.name)}">{escape(split.name)}: {len(rows)} of {split.index.num_samples:,}</h3>'
        f'<div class="scroll"><table class="sheet"><tr>{head}</tr>{body}</table></div>'
    )


def _row(each: Row, columns: list[str]) -> str:
    facts = "<br>".join(map(escape, each.facts))
    head = f'<td class="facts"><b>{escape(each.key)}</b><br>{facts}{_timeline(each)}</td>'
    if each.error:
        return f'<tr>{head}<td colspan="{max(len(columns), 1)}"><p class="note">{escape(each.error)}</p></td></tr>'
    cells = (f'<td class="{name}">{"".join(map(_shown, each.cells.get(name, [])))}</td>' for name in columns)
    return f"<tr>{head}{''.join(cells)}</tr>"


def _shown(picture: Picture) -> str:
    data = base64.b64encode(picture.data).decode()
    label = escape(picture.label)
    if picture.moves:
        shown = f'<video autoplay loop muted playsinline src="data:video/mp4;base64,{data}"></video>'
    else:
        shown = f'<img alt="{label}" class="{picture.mark}" src="data:image/jpeg;base64,{data}">'
    return f"<figure>{shown}<figcaption>{label}</figcaption></figure>"


def _timeline(each: Row) -> str:
    """Bars from the first frame to the last: as high as the body is seen, in the colour of how many people show."""
    if each.seen is None or each.people is None:
        return ""
    bars = []
    for place, frames in enumerate(np.array_split(np.arange(len(each.seen)), min(BARS, len(each.seen)))):
        people = each.people[frames]
        mark = "nobody" if (people == 0).any() else "several" if (people > 1).any() else "one"
        height = 20 * float(each.seen[frames].mean() if mark == "one" else 1)
        bars.append(f'<rect class="{mark}" x="{place}" width="1.05" y="{20 - height:.1f}" height="{height:.1f}"/>')
    return f'<svg viewBox="0 0 {len(bars)} 20" preserveAspectRatio="none">{"".join(bars)}</svg>'

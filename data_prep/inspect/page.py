"""One HTML page about a prepared folder that holds everything it shows."""

from __future__ import annotations

import base64
import itertools
from collections import Counter
from html import escape
from pathlib import Path

from rich.progress import track
from upath import UPath

from data_prep.inspect.folder import Split, open_splits, read_ledger
from data_prep.inspect.ledger import ledger_section
from data_prep.inspect.odd import odd
from data_prep.inspect.plots import COLOURS, QUANTITIES, histogram, text, values
from data_prep.inspect.sheet import LEGENDS, sheet
from data_prep.inspect.style import STYLE
from humangen.media import replacing


def write_page(folder: UPath, output: Path) -> None:
    """The page about all splits of `folder`; raises `InputError` where there is nothing to look at."""
    splits = open_splits(folder)
    title = f"{folder.resolve().name}: what was prepared"
    legends = "".join(f"<p>{LEGENDS[kind]}</p>" for kind in sorted({split.index.kind for split in splits}))
    body = (
        f"<h1>{escape(title)}</h1><p><code>{escape(str(folder))}</code></p>{_table(splits)}{_oddities(odd(splits))}"
        f"<h2>Samples, spread evenly</h2>{legends}{''.join(map(sheet, track(splits, 'look at samples')))}"
        f"<h2>All samples</h2>{_numbers(splits)}<h2>Ledger</h2>{ledger_section(*read_ledger(folder))}"
    )
    with replacing(output) as temporary:
        temporary.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><body>{body}</body></html>\n'
        )


def _table(splits: list[Split]) -> str:
    """A row for each split, without the columns that no split has."""
    rows = [_cells(split) for split in splits]
    columns = [name for name in rows[0] if any(cells[name] for cells in rows)]
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cells[name]}</td>' for name in columns)}</tr>" for cells in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _cells(split: Split) -> dict[str, str]:
    lines, index = split.lines, split.index
    is_clips = index.kind == "animation"
    sizes = [size for size, _ in Counter(f"{line['height']}x{line['width']}" for line in lines).most_common()]
    return {
        "split": f'<a href="#{escape(split.name)}">{escape(split.name)}</a>',
        "samples": f"{index.num_samples:,}",
        "people": f"{len({line['identity'] for line in lines}):,}",
        "frames": f"{sum(line['frames'] for line in lines):,}" if is_clips else "",
        "length": _duration(sum(line["frames"] / line["fps"] for line in lines)) if is_clips else "",
        "on disk": _size(sum(shard.num_bytes for shard in index.shards)),
        "shards": f"{len(index.shards):,}",
        "pixels": ", ".join(sizes[:2]) + (f" and {len(sizes) - 2} more" if len(sizes) > 2 else ""),
        "pose": ", ".join(sorted({escape(str(line["pose"])) for line in lines if line.get("pose")})),
        "latents of": f"{index.latents.height}x{index.latents.width}" if index.latents else "",
    }


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:,.1f} min"


def _size(count: int) -> str:
    return f"{count / 1e9:,.2f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def _oddities(notes: list[str]) -> str:
    if not notes:
        return '<p class="note good">Nothing odd: nobody is in several splits, and every sample can be of use.</p>'
    return f'<div class="note"><b>Odd</b><ul>{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul></div>'


def _numbers(splits: list[Split]) -> str:
    """A histogram for each quantity that differs, a word on those that are the same in all samples."""
    same, images = [], []
    for title in QUANTITIES:
        found = values(splits, title)
        different = {value for each in found.values() for value in each}
        if len(different) == 1:
            same.append(f"{title} <b>{escape(text(different.pop()))}</b>")
        elif different:
            data = base64.b64encode(histogram(title, found)).decode()
            images.append(f'<img alt="{escape(title)}" src="data:image/svg+xml;base64,{data}">')
    told = f"<p>The same in all of them: {'; '.join(same)}.</p>" if same else ""
    return f'{told}{_legend(splits) if images else ""}<div class="plots">{"".join(images)}</div>'


def _legend(splits: list[Split]) -> str:
    names = zip(splits, itertools.cycle(COLOURS), strict=False)
    marks = (f'<i style="color: {colour}"></i> {escape(split.name)}' for split, colour in names)
    return f"<p>{' &nbsp; '.join(marks)}</p>"

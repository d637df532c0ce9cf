"""The same samples by every arm, side by side: pictures and moving pictures as HTML."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from PIL import Image, ImageSequence

from humangen.report.columns import CASES, Column, extremes
from humangen.report.runs import Run
from humangen.report.sweep import Arm

# what is painted from: a name, and the files it may have
GIVEN = {name: (f"{name}.gif", f"{name}.png") for name in ("reference", "person", "left", "garment", "poses")}
PAINTED = ("painted.gif", "painted.png")
TRUE = ("truth.gif", "truth.png")
ISOLATED = ("isolated.gif", "isolated.png")
# what PIL raises of files that are no pictures, or only in part
DAMAGED = (OSError, EOFError, SyntaxError, ValueError, IndexError, struct.error, Image.DecompressionBombError)
MOST_ARMS, MOST_SAMPLES = 8, 6
SIDE, HEAVY, FRAMES, PAUSE = 256, 300_000, 32, 250  # of pictures made smaller: pixels, bytes, frames, milliseconds


def strips(arms: Sequence[Arm]) -> str:
    """A row per sample that was kept: what it was painted from, each arm's painting, and the truth."""
    shown = [arm for arm in arms if _kept(arm.runs[0])][:MOST_ARMS]
    if not shown:
        return ""
    keys = [key for key in _kept(shown[0].runs[0]) if all(_painting(arm.runs[0], key) for arm in shown)]
    rows = [_row(key, shown, {}) for key in keys[:MOST_SAMPLES]]
    return _section("The same samples by every arm" if len(shown) > 1 else "Samples", rows, len(arms) - len(shown))


def cases(arms: Sequence[Arm], column: Column) -> str:
    """The worst and the best samples of the first arm by one metric, and what the others made of them."""
    runs = {arm.name: arm.runs[0] for arm in arms[:MOST_ARMS]}
    scores = {name: _scores(run, column) for name, run in runs.items()}
    first = scores[arms[0].name]
    there = {key: score for key, score in first.items() if _painting(arms[0].runs[0], key)}
    sections = []
    for word, keys in zip(("Worst", "Best"), extremes(there, column, CASES), strict=True):
        rows = [_row(key, arms[:MOST_ARMS], _captions(scores, key, column)) for key in keys]
        title = f"{word} cases of {arms[0].name} by {column.name}"
        sections.append(_section(title, rows, len(arms) - len(runs)))
    return "".join(sections)


def _scores(run: Run, column: Column) -> dict[str, float]:
    return {key: float(values[column.name]) for key, values in run.samples.items() if column.name in values}


def _captions(scores: dict[str, dict[str, float]], key: str, column: Column) -> dict[str, str]:
    return {name: column.shown(values[key]) for name, values in scores.items() if key in values}


def _kept(run: Run) -> list[str]:
    """The keys of the samples whose pictures lie with a run."""
    folder = run.folder / "clips"
    found = {path.parent for name in PAINTED for path in folder.rglob(name)}
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _row(key: str, arms: Sequence[Arm], captions: dict[str, str]) -> list[tuple[str, str]]:
    """Headings and cells of one sample."""
    folders = [arm.runs[0].folder / "clips" / key for arm in arms]
    cells = [(name, _first(folders, files)) for name, files in GIVEN.items()]
    for arm in arms:
        caption = f"<figcaption>{escape(captions[arm.name])}</figcaption>" if arm.name in captions else ""
        name = arm.name if len(arms) > 1 else "painted"
        cells.append((name, _figure(_painting(arm.runs[0], key), caption)))
    if len(arms) == 1:
        cells.append(("isolated", _first(folders, ISOLATED)))
    return [("", f"<small>{escape(key)}</small>"), *cells, ("truth", _first(folders, TRUE))]


def _section(title: str, rows: Sequence[Sequence[tuple[str, str]]], missing: int) -> str:
    """A table of rows, without the columns that no row fills."""
    if not rows:
        return ""
    kept = [at for at in range(len(rows[0])) if any(row[at][1] for row in rows)]
    head = "".join(f"<th>{escape(rows[0][at][0])}</th>" for at in kept)
    body = "".join("<tr>" + "".join(f"<td>{row[at][1]}</td>" for at in kept) + "</tr>" for row in rows)
    more = f"<p>{missing} more arms are not shown.</p>" if missing else ""
    table = f'<div class="scroll"><table class="clips"><tr>{head}</tr>{body}</table></div>'
    return f"<h2>{escape(title)}</h2>{table}{more}"


def _first(folders: Iterable[Path], names: Sequence[str]) -> str:
    paths = (folder / name for folder in folders for name in names)
    return next((_figure([path], "") for path in paths if path.is_file()), "")


def _painting(run: Run, key: str) -> list[Path]:
    """The files of a painting: beside the result, or where all paintings are kept."""
    for name in PAINTED:
        if (path := run.folder / "clips" / key / name).is_file():
            return [path]
    root = (run.result or {}).get("painted") or (run.result or {}).get("predictions")
    if not root:
        return []
    single = Path(root) / f"{key}.png"
    return [single] if single.is_file() else sorted((Path(root) / key).glob("*.png"))


def _figure(paths: Sequence[Path], caption: str) -> str:
    if not paths:
        return ""
    try:
        data, kind = _light(paths)
    except DAMAGED:
        return f"<small>{escape(paths[0].name)} cannot be read</small>"
    return f"<figure>{image(data, kind, paths[0].name)}{caption}</figure>"


def _light(paths: Sequence[Path]) -> tuple[bytes, str]:
    """A file as it is, unless it is heavy or one of several frames: then a small WebP."""
    frames = [frame for path in paths[:FRAMES] for frame in _frames(path)]
    if len(paths) == 1 and paths[0].stat().st_size <= HEAVY:
        return paths[0].read_bytes(), paths[0].suffix[1:]
    buffer = io.BytesIO()
    frames[0].save(buffer, "webp", save_all=True, append_images=frames[1:], duration=PAUSE, loop=0, quality=80)
    return buffer.getvalue(), "webp"


def _frames(path: Path) -> list[Image.Image]:
    frames = []
    with Image.open(path) as picture:
        for number, frame in enumerate(ImageSequence.Iterator(picture)):
            if number == FRAMES:
                break
            small = frame.convert("RGB")
            small.thumbnail((SIDE, SIDE))
            frames.append(small)
    return frames


def image(data: bytes, kind: str, label: str) -> str:
    return f'<img alt="{escape(label)}" src="data:image/{kind};base64,{base64.b64encode(data).decode()}">'

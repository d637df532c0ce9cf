"""The TikTok set (Jafarian and Park 2021) as a folder of clips of pictures, or as DisCo's TSVs."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from data_prep.items import Problem, RawClip, safe_key
from data_prep.pictures import PictureFrames, TsvFrames
from data_prep.splits import Split
from humangen.media import pictures_in
from humangen.types import InputError

FPS = 30.0  # of the set's videos; pictures do not say
MASKS = ("masks", "mask", "groundsam")
POSES = ("openpose_json", "openpose-json")


@dataclass(frozen=True)
class TikTokSource:
    """Clips `00001/images/0001.png` with `masks/0001.png` (the set's own form), or `001/000001.png` with
    `groundsam/000001.png.mask.png` and `openpose_json/000001.png.json` (DisCo's), or TSVs in `folder` itself."""

    folder: Path
    split: Split
    name: ClassVar[str] = "tiktok"

    def discover(self) -> tuple[list[RawClip], list[Problem]]:
        inside = [path for path in sorted(self.folder.iterdir()) if not path.name.startswith(".")]
        tables = [path for path in inside if path.is_file() and re.search(r"_(images|img)\.tsv$", path.name)]
        folders = [path for path in inside if path.is_dir() and frames_in(path)]
        if not tables and not folders:
            raise InputError(
                f"no clips in {self.folder}: it looks for folders like 00001/images/0001.png or 001/000001.png, "
                "and for TSVs like train_images.tsv"
            )
        clips: list[RawClip] = []
        problems: list[Problem] = []
        for path in inside:
            if path not in folders and (path / "images").is_dir():
                key = safe_key(f"tiktok-{path.name}")
                problems.append(Problem(key, "discover", "failed", f"{path} has no pictures"))
        for table in tables:
            clips += self._rows(table)
            problems += misnamed(table)
        for folder in folders:
            found, wrong = self._folder(folder)
            clips += found
            problems += wrong
        return self._with_splits(clips, problems)

    def _with_splits(self, clips: list[RawClip], problems: list[Problem]) -> tuple[list[RawClip], list[Problem]]:
        placed = []
        for clip in clips:
            try:
                placed.append(RawClip(**{**vars(clip), "split": self.split(clip.identity)}))
            except InputError as error:
                problems.append(Problem(clip.key, "discover", "failed", str(error)))
        return placed, problems

    def _folder(self, folder: Path) -> tuple[list[RawClip], list[Problem]]:
        pictures, key = frames_in(folder), safe_key(f"tiktok-{folder.name}")
        masks, lost = beside(folder, MASKS, pictures, ("{name}.mask.png", "{stem}.png", "{name}"))
        poses, also_lost = beside(folder, POSES, pictures, ("{name}.json", "{stem}.json", "{stem}_keypoints.json"))
        problems = [Problem(key, "discover", "marked", reason) for reason in (lost, also_lost) if reason]
        clip = RawClip(
            key,
            f"tiktok-{folder.name}",
            "",
            folder.name,
            PictureFrames(FPS, tuple(pictures)),
            poses,
            PictureFrames(FPS, masks) if masks else None,
        )
        return [clip], problems

    def _rows(self, table: Path) -> list[RawClip]:
        """The clips of a TSV: rows whose keys are alike but for the frame's number."""
        masks = table.with_name(re.sub(r"_(images|img)\.tsv$", "_masks.tsv", table.name))
        mask_rows = dict(offsets(masks)) if masks.is_file() else {}
        groups: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for key, place in offsets(table):
            groups[key.rpartition("_")[0]].append((key, place))
        clips = []
        for name, group in groups.items():
            rows = tuple(group)
            covered = all(key in mask_rows for key, _ in rows)
            number = re.sub(r"^.*?_", "", name)
            clips.append(
                RawClip(
                    safe_key(table.stem, name),
                    f"tiktok-{number}",
                    "",
                    f"{table.name}: {name}",
                    TsvFrames(FPS, table, rows),
                    masks=TsvFrames(FPS, masks, tuple((key, mask_rows[key]) for key, _ in rows)) if covered else None,
                )
            )
        return clips


def frames_in(folder: Path) -> list[Path]:
    """A clip's pictures in the order of their numbers, of which 10 comes behind 9, with or without zeros before it."""
    found = pictures_in(folder / "images" if (folder / "images").is_dir() else folder)
    return sorted(found, key=lambda path: ([int(digits) for digits in re.findall(r"[0-9]+", path.name)], path.name))


def beside(
    folder: Path, names: tuple[str, ...], pictures: list[Path], patterns: tuple[str, ...]
) -> tuple[tuple[Path, ...] | None, str | None]:
    """One file a picture out of the first folder of `names` that is there; None, and why, where some are missing."""
    found = next((folder / name for name in names if (folder / name).is_dir()), None)
    if found is None:
        return None, None
    files = []
    for picture in pictures:
        named = (found / pattern.format(name=picture.name, stem=picture.stem) for pattern in patterns)
        match = next((path for path in named if path.is_file()), None)
        if match is None:
            return None, f"{found} has nothing for {picture.name}, so nothing of it is used"
        files.append(match)
    return tuple(files), None


def offsets(table: Path) -> list[tuple[str, int]]:
    """Key and byte offset of each row of a TSV."""
    rows, place = [], 0
    with table.open("rb") as file:
        for line in file:
            if line.strip():
                rows.append((line.partition(b"\t")[0].decode(errors="replace"), place))
            place += len(line)
    return rows


def misnamed(table: Path) -> list[Problem]:
    """The files that the yaml beside a TSV names and that are not there."""
    listing = table.with_name(re.sub(r"_(images|img)\.tsv$", ".yaml", table.name))
    if not listing.is_file():
        return []
    named = re.findall(r"^\s*(\w+):\s*(\S+\.tsv)\s*$", listing.read_text(errors="replace"), flags=re.MULTILINE)
    return [
        Problem(
            safe_key(f"{listing.stem}-{word}"),
            "discover",
            "repaired",
            f"{listing} names {name} as its {word}, which is not there; {table.name} and its like are read",
        )
        for word, name in named
        if not table.with_name(name).is_file()
    ]

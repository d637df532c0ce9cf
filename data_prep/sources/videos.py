"""Any folder of videos: one's own dances. Videos in a folder of their own, and tars of videos, belong to one person."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from data_prep.frames import VideoFrames
from data_prep.items import Problem, RawClip, safe_key
from data_prep.splits import Split
from humangen.media import VIDEO_SUFFIXES
from humangen.types import InputError


@dataclass(frozen=True)
class VideosSource:
    """Every video below `folder`. The identity is the first folder of the path (`anna/dance1.mp4`: anna), or the
    video's own name where it lies in no folder: put all videos of one person into one folder."""

    folder: Path
    split: Split
    name: ClassVar[str] = "videos"

    def discover(self) -> tuple[list[RawClip], list[Problem]]:
        clips, problems = [], []
        for path in sorted(self.folder.rglob("*")):
            suffix = path.suffix.lower()
            if not path.is_file() or path.name.startswith("."):
                continue
            if suffix in VIDEO_SUFFIXES:
                clips.append(self._clip(path.relative_to(self.folder).as_posix(), VideoFrames(path)))
            elif suffix == ".tar":
                found, wrong = self._archive(path)
                clips += found
                problems += wrong
        if not clips and not problems:
            raise InputError(f"no video in {self.folder}: it looks for {', '.join(sorted(VIDEO_SUFFIXES))}")
        return clips, problems

    def _clip(self, path: str, frames: VideoFrames) -> RawClip:
        parts = PurePosixPath(path).parts
        identity = parts[0] if len(parts) > 1 else PurePosixPath(path).stem
        return RawClip(safe_key(path), identity, self.split(identity), path, frames)

    def _archive(self, path: Path) -> tuple[list[RawClip], list[Problem]]:
        clips, problems = [], []
        inside = path.relative_to(self.folder).as_posix()
        try:
            with tarfile.open(path) as archive:
                members = sorted(archive.getmembers(), key=lambda member: member.name)
        except (tarfile.TarError, OSError, EOFError) as error:
            return [], [Problem(safe_key(inside), "discover", "failed", f"{path} is not a tar: {error}")]
        for member in members:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                reason = f"{path} has a member {member.name!r} that points out of it"
                problems.append(Problem(safe_key(f"{inside}/{member.name}"), "discover", "failed", reason))
            elif member.isfile() and name.suffix.lower() in VIDEO_SUFFIXES:
                clips.append(self._clip(f"{inside}/{member.name}", VideoFrames(path, member.name)))
        return clips, problems

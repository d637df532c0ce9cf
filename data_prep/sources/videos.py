"""Any folder of videos: one's own dances. Videos in a folder of their own, and tars of videos, belong to one person."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from data_prep.frames import VideoFrames
from data_prep.items import Problem, RawClip, is_hidden, no_file, safe_key
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
            inside, suffix = path.relative_to(self.folder).as_posix(), path.suffix.lower()
            if suffix not in {*VIDEO_SUFFIXES, ".tar"} or is_hidden(inside):
                continue
            if not path.is_file():
                problems.append(no_file(path, inside))
            elif suffix in VIDEO_SUFFIXES:
                clips.append(self._clip(inside, VideoFrames(path)))
            else:
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
                members = {member.name: member for member in archive.getmembers()}  # the last of a name counts
        except Exception as error:  # whatever tarfile and the compressions make of broken bytes
            return [], [Problem(safe_key(inside), "discover", "failed", f"{path} is not a tar: {error}")]
        for member in members.values():
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                reason = f"{path} has a member {member.name!r} that points out of it"
                problems.append(Problem(safe_key(f"{inside}/{member.name}"), "discover", "failed", reason))
            elif member.isfile() and name.suffix.lower() in VIDEO_SUFFIXES and not is_hidden(member.name):
                clips.append(self._clip(f"{inside}/{member.name}", VideoFrames(path, member.name)))
        return clips, problems

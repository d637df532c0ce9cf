"""UBC Fashion (Zablotskaia et al. 2019): train/*.mp4 and test/*.mp4, with the official lists where they are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar
from urllib.parse import unquote

from data_prep.frames import VideoFrames
from data_prep.items import Problem, RawClip, is_hidden, no_file, safe_key
from data_prep.splits import Split
from humangen.types import InputError


@dataclass(frozen=True)
class UbcFashionSource:
    """500 clips for training and 100 for test, by fashion_train.txt and fashion_test.txt (lines of URLs or names) if
    they lie in `folder`, else by the folders train and test; or all of them placed by another `split`. Each clip is a
    person of its own."""

    folder: Path
    split: Split | None = None
    name: ClassVar[str] = "ubcfashion"

    def discover(self) -> tuple[list[RawClip], list[Problem]]:
        videos, problems = self._videos()
        clips = []
        lists = {official: self._listed(official) for official in ("train", "test")}
        places = {
            official: {path.stem: path for path in reversed(videos) if self._is_in(path, official, listed)}
            for official, listed in lists.items()
        }
        if self.split is None:
            self._check_apart(lists, places)
        placed: set[str] = set()
        for official, found in places.items():
            names = (set(found) | (lists[official] or set())) - placed
            placed |= names
            for name in sorted(names):
                if name in found:
                    path = found[name].relative_to(self.folder).as_posix()
                    split = self.split(name) if self.split else official
                    clips.append(RawClip(safe_key(name), name, split, path, VideoFrames(found[name])))
                else:
                    reason = f"{self._list(official)} names {name}, and there is no {name}.mp4 below {self.folder}"
                    problems.append(Problem(safe_key(name), "discover", "failed", reason))
        if not clips:
            raise InputError(f"no clip in {self.folder}: UBC Fashion is {self.folder}/train/*.mp4 and test/*.mp4")
        taken = {clip.path for clip in clips}
        for path in (video.relative_to(self.folder).as_posix() for video in videos):
            if path not in taken:
                reason = f"{self.folder / path} is left out: it is of neither split, or another of its name is taken"
                problems.append(Problem(safe_key(path), "discover", "failed", reason))
        return clips, problems

    def _videos(self) -> tuple[list[Path], list[Problem]]:
        found, problems = [], []
        for path in sorted(self.folder.rglob("*")):
            inside = path.relative_to(self.folder).as_posix()
            if path.suffix.lower() == ".mp4" and not is_hidden(inside):
                if path.is_file():
                    found.append(path)
                else:
                    problems.append(no_file(path, inside))
        return found, problems

    def _list(self, split: str) -> Path:
        return self.folder / f"fashion_{split}.txt"

    def _listed(self, split: str) -> set[str] | None:
        """The names of an official list, None where there is none."""
        if not self._list(split).is_file():
            return None
        lines = self._list(split).read_text(encoding="utf-8-sig", errors="replace").splitlines()
        names = [PurePosixPath(unquote(line.strip().partition("?")[0])).name for line in lines]
        return {name.removesuffix(".mp4") for name in names if name}

    def _check_apart(self, lists: dict[str, set[str] | None], places: dict[str, dict[str, Path]]) -> None:
        """Raises `InputError` where a clip is of both splits: it would be trained on and scored."""
        both = sorted(places["train"].keys() & places["test"].keys())
        if both:
            where = [
                str(self._list(split) if lists[split] is not None else found[both[0]])
                for split, found in places.items()
            ]
            raise InputError(
                f"{len(both)} clips are to train on and held out, as {both[0]}: it is in {where[0]} and in {where[1]}. "
                "Take each out of one of the two, or place all by another --split"
            )

    def _is_in(self, path: Path, split: str, listed: set[str] | None) -> bool:
        return path.relative_to(self.folder).parts[0] == split if listed is None else path.stem in listed

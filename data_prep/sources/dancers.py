"""The embedded dancers as a source of clips: people drawn from seeds, disjoint between the splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from data_prep.shards import Members
from data_prep.sources.drawn import FIRST_SEED, DrawnSource, Job
from humangen.data.dancers import Part, render_clip
from humangen.data.schema import ClipInfo, ClipRecord, encode_clip
from humangen.media import encode_video
from humangen.types import InputError

MOST_CLIPS = 100  # a dance's seed is the person's times this plus its number


@dataclass(frozen=True, kw_only=True)
class DancersSource(DrawnSource):
    """Each person dances `clips` dances of `num_frames` frames."""

    clips: int = 1
    num_frames: int = 16
    fps: float = 8.0
    kind: ClassVar[str] = "animation"

    def jobs(self, split: str) -> list[Job]:
        return [(split, person, clip) for person in range(self.count(split)) for clip in range(self.clips)]

    def check(self) -> None:
        super().check()
        if min(self.clips, self.num_frames, self.fps) <= 0:
            raise InputError("--clips, --frames and --fps must be positive")
        if self.clips > MOST_CLIPS:
            raise InputError(f"--clips must be {MOST_CLIPS} at most")

    def sample(self, job: Job) -> Members:
        return encode_clip(self.record(*job))

    def record(self, split: str, number: int, clip: int) -> ClipRecord:
        """One dance of one person."""
        person = FIRST_SEED[split] + number
        dance = person * MOST_CLIPS + clip
        drawn = render_clip(person, dance, self.num_frames, self.fps, self.height, self.width)
        info = ClipInfo(
            source=self.name,
            identity=f"dancer-{person}",
            split=split,
            fps=self.fps,
            num_frames=self.num_frames,
            height=self.height,
            width=self.width,
        )
        figure = drawn.parts != Part.BACKGROUND
        video = encode_video(drawn.frames, self.fps)
        return ClipRecord(f"dancer{person:07d}-{clip:02d}", video, drawn.keypoints, info, figure)

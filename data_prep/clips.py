"""The stages of a clip: probe, cut, person, pose, transcode."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data_prep.frames import VideoFrames, digest, stamp
from data_prep.items import RawClip, piece_key
from data_prep.masks import laid_over
from data_prep.people import boxes_around, follow, overlap
from data_prep.work import Stage, Work
from humangen.data.arrays import pack_arrays, unpack_arrays
from humangen.data.masks import decode_mask, person_from_mask
from humangen.media import encode_video
from humangen.pose.estimators import PoseEstimator, estimator
from humangen.pose.files import read_people
from humangen.pose.keypoints import NUM_KEYPOINTS, VISIBLE
from humangen.types import InputError

EMBEDDED = "mediapipe"  # the estimator that needs no download
STORED = 12  # the quality of what is trained on: 45 dB
SHORTEST = 2  # frames of a clip: a reference and something to paint


@dataclass(frozen=True)
class Options:
    """`pose`: an estimator's name, `own` for the source's files, None for those where there are any, else the
    embedded estimator. `models`: its folder. `size`: the shorter side of what is stored (None: as it is)."""

    pose: str | None = None
    models: Path | None = None
    size: int | None = None

    def pose_of(self, clip: RawClip) -> str:
        if self.pose == "own" and clip.poses is None:
            raise InputError(f"{clip.path} has no pose files of its own: give --pose mediapipe or --pose dwpose")
        return self.pose or ("own" if clip.poses is not None else EMBEDDED)


@dataclass(frozen=True)
class Piece:
    """What the cuts make of a clip: the frames `start` to `stop` (not included), the first of which has the sha256
    `first_frame`."""

    clip: RawClip
    key: str
    start: int
    stop: int
    first_frame: str
    fps: float
    height: int
    width: int

    @property
    def path(self) -> str:
        return self.clip.path

    def pictures(self) -> Iterator[np.ndarray]:
        return self.clip.frames.read(self.start, self.stop, self.fps)

    def is_scaled(self, size: int | None) -> bool:
        return size is not None and size < min(self.height, self.width)

    def stored_size(self, size: int | None) -> tuple[int, int]:
        """Height and width of the stored video, both even: scaled to the shorter side `size` if that is smaller, else
        padded below and on the right."""
        if size is None or not self.is_scaled(size):
            return self.height + self.height % 2, self.width + self.width % 2
        scale = (size - size % 2) / min(self.height, self.width)
        return 2 * round(self.height * scale / 2), 2 * round(self.width * scale / 2)

    def covered_size(self, size: int | None) -> tuple[int, int]:
        """Height and width of what is no padding in it."""
        return self.stored_size(size) if self.is_scaled(size) else (self.height, self.width)


def probe(clip: RawClip, work: Work) -> bytes:
    return json.dumps({**asdict(clip.frames.probe()), "fingerprint": fingerprint(clip)}).encode()


def fingerprint(clip: RawClip) -> str:
    """Changes when one of the clip's files does, and when it is of another split: what is scored loses nothing."""
    masks = clip.masks.fingerprint if clip.masks else ""
    return " ".join([clip.frames.fingerprint, stamp(clip.poses or ()), masks, clip.split])


def cut(clip: RawClip, work: Work) -> bytes:
    """The shots of a clip, each with the sha256 of its first frame: every frame decoded once, and those of the borders
    again. Pictures are taken to be cut already."""
    probed = work.json("probe", clip.key)
    count = probed["num_frames"]
    if count < SHORTEST:
        raise InputError(f"{clip.path} has {count} frame: nothing to paint of its reference")
    borders = [0, count]
    if isinstance(clip.frames, VideoFrames):
        borders = [0, *scene_changes(clip.frames.read(0, count, probed["fps"]), probed["fps"]), count]
    shots = [(start, stop, first_frame(clip, probed, start)) for start, stop in pairwise(borders)]
    return json.dumps(shots).encode()


def first_frame(clip: RawClip, probed: dict[str, Any], start: int) -> str:
    """The sha256 of the frame `start`."""
    return digest(next(clip.frames.read(start, start + 1, probed["fps"]))) if start else probed["digest"]


def scene_changes(pictures: Iterable[np.ndarray], fps: float) -> list[int]:
    """The numbers of the frames that begin a new shot (PySceneDetect's adaptive detector)."""
    from scenedetect import FrameTimecode  # slow to import, and only for this stage
    from scenedetect.detectors import AdaptiveDetector

    detector, found = AdaptiveDetector(min_scene_len=max(SHORTEST, round(fps / 2))), []
    number = 0
    for number, picture in enumerate(pictures):
        small = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)
        found += detector.process_frame(FrameTimecode(number, fps), small[..., ::-1])
    found += detector.post_process(FrameTimecode(number, fps))
    return sorted({moment.frame_num for moment in found})


def pieces(clips: Iterable[RawClip], work: Work) -> list[Piece]:
    """What is to be stored of the clips that were probed and cut."""
    made = []
    for clip in clips:
        if work.done("cut", clip.key):
            probed, shots = work.json("probe", clip.key), work.json("cut", clip.key)
            size = probed["fps"], probed["height"], probed["width"]
            for number, shot in enumerate(shots):
                key = clip.key if len(shots) == 1 else piece_key(clip.key, f"{number:03d}")
                made.append(Piece(clip, key, *shot, *size))
    return made


@cache
def estimator_of(name: str, models: Path | None) -> PoseEstimator:
    """One a process: opening it takes seconds."""
    return estimator(name, models)


def person(piece: Piece, work: Work, options: Options) -> bytes:
    """Who the clip is about: `boxes` (F, 4), `people` (F,), and the source's own masks of her."""
    way = options.pose_of(piece.clip)
    if way == "own":
        candidates = [boxes_around(people) for people in own_people(piece)]
    else:
        candidates = [estimator_of(way, options.models).people(picture) for picture in piece.pictures()]
    boxes, people = follow(candidates)
    if not people.any():
        raise InputError(f"{piece.clip.path}: nobody is found in any of its {len(people)} frames")
    masks = figure(piece, options.size)
    packed = {} if masks is None else {"figure": np.packbits(masks, axis=-1), "figure_width": masks.shape[-1]}
    return pack_arrays(boxes=boxes, people=people, **packed)


def figure(piece: Piece, size: int | None) -> np.ndarray | None:
    """The source's own masks of the person over the stored pictures, bool (F, H, W)."""
    if piece.clip.masks is None:
        return None
    stored, covered = piece.stored_size(size), piece.covered_size(size)
    margins = [(0, whole - part) for whole, part in zip(stored, covered, strict=True)]
    masks = []
    for name, data in piece.clip.masks.files(piece.start, piece.stop):
        person = person_from_mask(decode_mask(data, name), name).astype(np.uint8)
        person = laid_over(person, (piece.height, piece.width), name, "frame")
        resized = cv2.resize(person, covered[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        masks.append(np.pad(resized, margins, mode="edge").astype(bool))
    return np.stack(masks)


def pose(piece: Piece, work: Work, options: Options) -> bytes:
    """Her `keypoints` (F, 128, 3), 0 where she is not seen."""
    way, boxes = options.pose_of(piece.clip), unpack_arrays(work.read("person", piece.key))["boxes"]
    keypoints = np.zeros((len(boxes), NUM_KEYPOINTS, 3), np.float32)
    sources = own_people(piece) if way == "own" else piece.pictures()
    for number, (source, box) in enumerate(zip(sources, boxes, strict=True)):
        if np.isnan(box).any():
            continue
        if way == "own":
            keypoints[number] = max(source, key=lambda each: _match(each, box))
        else:
            keypoints[number] = estimator_of(way, options.models).keypoints(source, box)
    if not (keypoints[..., 2] >= VISIBLE).any():
        raise InputError(f"{piece.clip.path}: no keypoint of the person is sure enough to be drawn")
    return pack_arrays(keypoints=keypoints)


def _match(points: np.ndarray, box: np.ndarray) -> float:
    around = boxes_around(points[None])
    return float(overlap(around, box)[0]) if len(around) else -1.0


def own_people(piece: Piece) -> Iterator[np.ndarray]:
    """Everyone (P, 128, 3) in each frame's own pose file."""
    assert piece.clip.poses is not None
    return (read_people(path, piece.height, piece.width) for path in piece.clip.poses[piece.start : piece.stop])


def transcode(piece: Piece, work: Work, options: Options) -> bytes:
    """H.264 with a keyframe every 8 frames, so that a random clip decodes fast; what is scored loses nothing."""
    frames = piece.pictures()  # the encoder pads odd sides
    if piece.is_scaled(options.size):
        height, width = piece.stored_size(options.size)
        frames = (cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames)
    return encode_video(frames, piece.fps, quality=0 if piece.clip.split == "test" else STORED)


def clip_stages(options: Options) -> tuple[list[Stage], list[Stage]]:
    """Those of whole clips, and those of the pieces they are cut into."""
    late = [Stage(each.__name__, partial(each, options=options)) for each in (person, pose, transcode)]
    return [Stage("probe", probe), Stage("cut", cut)], late

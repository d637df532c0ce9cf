"""What the stages of a piece make: the sample, its line in the manifest, and what the ledger says of it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from data_prep.clips import Options, Piece
from data_prep.items import Problem
from data_prep.shards import Members
from data_prep.work import Work
from humangen.data.arrays import unpack_arrays
from humangen.data.schema import ClipInfo, ClipRecord, encode_clip
from humangen.pose.keypoints import BODY, VISIBLE


def sample(piece: Piece, work: Work, options: Options, source: str) -> Members:
    return encode_clip(record(piece, work, options, source))


def record(piece: Piece, work: Work, options: Options, source: str) -> ClipRecord:
    """The sample that the stages of a piece make."""
    height, width = piece.stored_size(options.size)
    found = unpack_arrays(work.read("person", piece.key))
    keypoints, boxes = unpack_arrays(work.read("pose", piece.key))["keypoints"], found["boxes"]
    covered = np.array(piece.covered_size(options.size), np.float32)[::-1] / (width, height)
    keypoints[..., :2] *= covered
    around = [*np.nanmin(boxes[:, :2], 0) * covered, *np.nanmax(boxes[:, 2:], 0) * covered]
    figure = figure_of(found)
    if figure is not None and figure.any():  # keypoints end at the ears, wrists and ankles
        around = [*np.minimum(around[:2], outline(figure)[:2]), *np.maximum(around[2:], outline(figure)[2:])]
    info = ClipInfo(
        source=source,
        identity=piece.clip.identity,
        split=piece.clip.split,
        fps=piece.fps,
        num_frames=len(keypoints),
        height=height,
        width=width,
        box=tuple(round(float(edge), 4) for edge in around),  # type: ignore[arg-type]
    )
    video, people = work.read("transcode", piece.key), people_of(found, keypoints)
    return ClipRecord(piece.key, video, keypoints, info, figure, people)


def people_of(found: dict[str, np.ndarray], keypoints: np.ndarray) -> np.ndarray:
    """How many people each frame shows (F,): none where no keypoint could be drawn."""
    drawn = (keypoints[..., 2] >= VISIBLE).any(1)
    return np.where(drawn, found["people"], 0).astype(np.uint8)


def figure_of(found: dict[str, np.ndarray]) -> np.ndarray | None:
    """The masks (F, H, W) of a person stage's result."""
    if "figure" not in found:
        return None
    return np.unpackbits(found["figure"], axis=-1, count=int(found["figure_width"])).astype(bool)


def outline(figure: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom in [0, 1] of all masks (F, H, W) together."""
    rows, columns = np.flatnonzero(figure.any((0, 2))), np.flatnonzero(figure.any((0, 1)))
    height, width = figure.shape[1:]
    return np.array([columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height])


def notes(piece: Piece, work: Work) -> list[Problem]:
    """What the ledger says of a piece that arrives."""
    found = [Problem(piece.key, "probe", "repaired", note) for note in work.json("probe", piece.clip.key)["notes"]]
    seen = unpack_arrays(work.read("person", piece.key))
    people = people_of(seen, unpack_arrays(work.read("pose", piece.key))["keypoints"])
    if (people != 1).any():
        marked = f"{(people == 0).sum()} of {len(people)} frames show nobody, {(people > 1).sum()} several people"
        found.append(Problem(piece.key, "person", "marked", marked))
    masks = figure_of(seen)
    if masks is not None and not masks.any((1, 2)).all():
        empty = f"{(~masks.any((1, 2))).sum()} of {len(masks)} of its own masks are empty"
        found.append(Problem(piece.key, "person", "marked", empty))
    return found


def pictures_of(probed: dict[str, Any]) -> str:
    """By which clips are told apart: the sha256 of the first picture, the middle one and the count."""
    return hashlib.sha256(f"{probed['digest']} {probed['middle']} {probed['num_frames']}".encode()).hexdigest()


def manifest(piece: Piece, work: Work, options: Options) -> dict[str, Any]:
    """What the manifest says of a piece."""
    probed, keypoints = work.json("probe", piece.clip.key), unpack_arrays(work.read("pose", piece.key))["keypoints"]
    people = people_of(unpack_arrays(work.read("person", piece.key)), keypoints)
    height, width = piece.stored_size(options.size)
    stored = [work.read(stage, piece.key) for stage in ("person", "pose", "transcode")]
    return {
        "key": piece.key,
        "clip": piece.clip.key,
        "identity": piece.clip.identity,
        "path": piece.clip.path,
        "start": piece.start,
        "frames": piece.stop - piece.start,
        "fps": piece.fps,
        "height": height,
        "width": width,
        "source_height": piece.height,
        "source_width": piece.width,
        "first_frame_sha256": piece.first_frame,
        "pictures_sha256": pictures_of(probed),
        "stored_sha256": hashlib.sha256(b"".join(stored)).hexdigest(),
        "frames_without_person": int((people == 0).sum()),
        "frames_with_several": int((people > 1).sum()),
        "confidence": round(float(keypoints[:, BODY, 2].mean()), 4),
        "pose": options.pose_of(piece.clip),
    }

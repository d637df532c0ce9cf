"""What the stages of a piece make: the sample, its line in the manifest, and what the ledger says of it."""

from __future__ import annotations

import hashlib
from typing import Any

import cv2
import numpy as np

from data_prep.clips import Options, Piece
from data_prep.items import Problem
from data_prep.work import Work
from humangen.data.schema import ClipInfo, ClipRecord, unpack_arrays
from humangen.pose.keypoints import BODY


def record(piece: Piece, work: Work, options: Options, source: str) -> ClipRecord:
    """The sample that the stages of a piece make."""
    height, width = piece.stored_size(options.size)
    found = unpack_arrays(work.read("person", piece.key))
    keypoints = unpack_arrays(work.read("pose", piece.key))["keypoints"]
    if height >= piece.height:  # the video may have been padded to even sides
        keypoints[..., :2] *= np.array([piece.width / width, piece.height / height], np.float32)
    boxes = found["boxes"]
    around = [*np.nanmin(boxes[:, :2], 0), *np.nanmax(boxes[:, 2:], 0)]
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
    return ClipRecord(
        piece.key, work.read("transcode", piece.key), keypoints, info, figure(piece, height, width), found["people"]
    )


def figure(piece: Piece, height: int, width: int) -> np.ndarray | None:
    """The source's own masks of the person at the stored size, bool (F, height, width)."""
    if piece.clip.masks is None:
        return None
    masks = []
    for mask in piece.clip.masks.read(piece.start, piece.stop, piece.fps):
        values = mask[..., 0]
        person = values >= 128 if values.max() > 1 else values > 0
        resized = cv2.resize(person.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        masks.append(resized.astype(bool))
    return np.stack(masks)


def notes(piece: Piece, work: Work) -> list[Problem]:
    """What the ledger says of a piece that arrives."""
    found = [Problem(piece.key, "probe", "repaired", note) for note in work.json("probe", piece.clip.key)["notes"]]
    people = unpack_arrays(work.read("person", piece.key))["people"]
    if (people != 1).any():
        marked = f"{(people == 0).sum()} of {len(people)} frames show nobody, {(people > 1).sum()} several people"
        found.append(Problem(piece.key, "person", "marked", marked))
    return found


def manifest(piece: Piece, work: Work, options: Options) -> dict[str, Any]:
    """What the manifest says of a piece."""
    probed, people = work.json("probe", piece.clip.key), unpack_arrays(work.read("person", piece.key))["people"]
    confidence = unpack_arrays(work.read("pose", piece.key))["keypoints"][:, BODY, 2]
    height, width = piece.stored_size(options.size)
    return {
        "key": piece.key,
        "identity": piece.clip.identity,
        "path": piece.clip.path,
        "start": piece.start,
        "frames": piece.stop - piece.start,
        "fps": piece.fps,
        "height": height,
        "width": width,
        "source_height": piece.height,
        "source_width": piece.width,
        "first_frame_sha256": probed["digest"],
        "stored_sha256": hashlib.sha256(work.read("transcode", piece.key)).hexdigest(),
        "frames_without_person": int((people == 0).sum()),
        "frames_with_several": int((people > 1).sum()),
        "confidence": round(float(confidence.mean()), 4),
        "pose": options.pose_of(piece.clip),
    }

"""Who of the people in each frame the clip is about. Boxes are left, top, right, bottom in [0, 1], and a score."""

from __future__ import annotations

import numpy as np

from humangen.pose.keypoints import VISIBLE

BYSTANDER = 0.25  # of the followed person's area: smaller ones in the background are not counted
BELIEVED = 0.5  # the score from which someone else is counted


def boxes_around(people: np.ndarray) -> np.ndarray:
    """Keypoints (P, 128, 3) -> the boxes (P', 5) of those of whom a point is seen; the score is the mean confidence."""
    found = []
    for points in people:
        seen = points[points[:, 2] >= VISIBLE]
        if len(seen):
            found.append([*seen[:, :2].min(0), *seen[:, :2].max(0), seen[:, 2].mean()])
    return np.array(found, np.float32).reshape(-1, 5)


def area(boxes: np.ndarray) -> np.ndarray:
    return np.prod(np.maximum(boxes[..., 2:4] - boxes[..., :2], 0), -1)


def overlap(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (P, 4 or 5) with one box."""
    corners = np.concatenate([np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:4], box[2:4])], axis=1)
    shared = area(corners)
    return shared / np.maximum(area(boxes) + area(box) - shared, 1e-9)


def follow(candidates: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One person through a clip: boxes (F, 4), NaN where she is not seen, and how many people each frame shows (F,).

    The first is the largest and surest of her frame; then whoever overlaps her last box most.
    """
    boxes = np.full((len(candidates), 4), np.nan, np.float32)
    people = np.zeros(len(candidates), np.uint8)
    last: np.ndarray | None = None
    for number, found in enumerate(candidates):
        if not len(found):
            continue
        importance = area(found) * found[:, 4]
        near = np.zeros(len(found)) if last is None else overlap(found, last)
        chosen = int(near.argmax() if near.any() else importance.argmax())
        last = boxes[number] = found[chosen, :4]
        others = np.delete(found, chosen, axis=0)
        counted = (others[:, 4] >= BELIEVED) & (area(others) >= BYSTANDER * area(last))
        people[number] = 1 + min(int(counted.sum()), 254)
    return boxes, people

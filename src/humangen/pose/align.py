"""A driver's motion on a reference's proportions.

The keypoints are a tree that hangs from the neck: each is carried by the one before it, and the way between the two,
whose direction stays, is scaled by one number a segment for the whole clip. So limbs keep their angles, and nothing
jitters that did not before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humangen.pose.draw import FINGER_BONES, LIMBS
from humangen.pose.keypoints import FACE, LEFT_HAND, MIRROR, NUM_KEYPOINTS, RIGHT_HAND, VISIBLE, check
from humangen.types import InputError

Pairs = tuple[tuple[int, int], ...]

NECK, HIPS, ANKLES = 1, (8, 11), (10, 13)
FULL = 0.9  # the quantile of a length over frames at which it counts as fully extended
NOTHING_SHARED = "the driver and the reference show no part of the body in common to align by"


@dataclass(frozen=True)
class Segment:
    """The keypoints that one scale carries, and the pairs whose distances give it; of pairs that have a left and a
    right, the right one is named, and the longer counts, since people are symmetric and turning away only shortens.
    One that cannot be measured is scaled `like` another, or like the whole body."""

    keypoints: tuple[int, ...]
    pairs: Pairs
    like: str | None = None


def _numbers(part: slice) -> tuple[int, ...]:
    return tuple(range(part.start, part.stop))


def _in(part: slice, *pairs: tuple[int, int]) -> Pairs:
    return tuple((part.start + first, part.start + second) for first, second in pairs)


# in an order in which `like` names earlier ones
SEGMENTS = {
    "shoulders": Segment((2, 5), ((1, 2),)),
    "upper arms": Segment((3, 6), ((2, 3),)),
    "forearms": Segment((4, 7), ((3, 4),), like="upper arms"),
    "hands": Segment(_numbers(LEFT_HAND) + _numbers(RIGHT_HAND), _in(RIGHT_HAND, *FINGER_BONES), like="forearms"),
    "trunk": Segment((8, 11), ((1, 8),)),
    "thighs": Segment((9, 12), ((8, 9),)),
    "shins": Segment((10, 13), ((9, 10),), like="thighs"),
    "neck": Segment((0,), ((1, 0),)),
    "head": Segment(  # by eyes, ears, the length of the face, its width, and the eyes' outer corners
        (14, 15, 16, 17, *_numbers(FACE)), ((14, 15), (16, 17), *_in(FACE, (27, 8), (0, 16), (36, 45))), like="neck"
    ),
}
PAIRS = np.array([pair for segment in SEGMENTS.values() for pair in segment.pairs])


def _tree() -> dict[int, int]:
    """Which keypoint carries which, in an order that begins at the neck."""
    tree = {end: start for start, end in LIMBS.tolist()}
    for part, start in ((LEFT_HAND, 7), (RIGHT_HAND, 4), (FACE, 0)):
        tree |= dict.fromkeys(_numbers(part), start)
    return tree


TREE = _tree()


def align(driver: np.ndarray, reference: np.ndarray, *, driver_aspect: float, reference_aspect: float) -> np.ndarray:
    """The motion of `driver` (F, 128, 3) with the proportions and at the place of `reference` (128, 3): float32
    (F, 128, 3) in units of the reference's picture, where points may come to lie outside [0, 1].

    The aspects are width over height of the two pictures. In the first frame the feet stand where the reference's
    stand (where they are not seen, the hips come to the hips, or the neck to the neck); from there the way is scaled
    like the body. Confidences stay, and so do the places of points that are not seen. A driver of the reference's
    proportions and place stays as it is; its size and place in its own picture do not matter.

    It takes keypoints: a rendered pose video has none. Raises `InputError` where the two show no part in common.
    """
    moving, still = check(driver, "the driver"), check(reference[None], "the reference")
    seen, seen_still = moving[..., 2] >= VISIBLE, still[..., 2] >= VISIBLE
    points, target = moving[..., :2] * [driver_aspect, 1.0], still[..., :2] * [reference_aspect, 1.0]

    shared = seen.any(0) & seen_still[0]
    if not shared.any():
        raise InputError(NOTHING_SHARED)
    body, scales = _scales(points, seen, target[0], seen_still[0])
    factors = np.ones((NUM_KEYPOINTS, 1))
    for name, segment in SEGMENTS.items():
        factors[list(segment.keypoints)] = scales[name]
    filled, scaled = _carry(points, seen, factors)
    anchor = _anchor(shared)
    way = filled[:, anchor].mean(1)
    own_way = scaled[:, anchor].mean(1)
    shift = _stand(target[0, anchor]) - _stand(scaled[0, anchor]) + body * (way - way[0]) - (own_way - own_way[0])

    aligned = moving.copy()
    aligned[..., :2] = np.where(seen[..., None], (scaled + shift[:, None]) / [reference_aspect, 1.0], moving[..., :2])
    return aligned


def _scales(
    points: np.ndarray, seen: np.ndarray, target: np.ndarray, seen_target: np.ndarray
) -> tuple[float, dict[str, float]]:
    """How much larger than the driver's, `points` (F, 128, 2) and `seen` (F, 128), the whole body and each of
    `SEGMENTS` are in the reference, `target` (128, 2) and `seen_target` (128,); lengths in x and y have one unit.

    The reference shows lengths foreshortened to a degree that one picture does not tell. Against the driver's full
    length a segment comes out too small by that degree. Against the frame in which the driver stands most like the
    reference, so turned much the same, it comes out right but for what the two poses differ in. The middle one of
    these two and the scale of the whole body is taken.
    """
    vectors, target_vectors = _vectors(points, seen), _vectors(target, seen_target)
    lengths, target_lengths = _longer(vectors), _longer(target_vectors)
    likeness = _likeness(vectors, target_vectors)
    body = _ratio_alike(target_lengths, lengths, likeness)
    if body is None:
        raise InputError(NOTHING_SHARED)
    full = np.array([np.quantile(each[each > 0], FULL) if each.any() else 0.0 for each in lengths.T])
    scales: dict[str, float] = {}
    begin = 0
    for name, segment in SEGMENTS.items():
        mine = slice(begin, begin := begin + len(segment.pairs))
        extended = _ratio(target_lengths[mine], full[mine])
        alike = _ratio_alike(target_lengths[mine], lengths[:, mine], likeness)
        if extended is None or alike is None:
            scales[name] = scales[segment.like] if segment.like else body
        else:
            scales[name] = float(np.median([extended, alike, body]))
    return body, scales


def _vectors(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """From one end of the `PAIRS` and of their mirror images to the other, (..., P, 2 sides, 2); 0 where not seen."""
    first, second = np.stack([PAIRS, MIRROR[PAIRS]], axis=1).transpose(2, 0, 1)
    both = seen[..., first] & seen[..., second]
    vectors: np.ndarray = np.where(both[..., None], points[..., second, :] - points[..., first, :], 0.0)
    return vectors


def _longer(vectors: np.ndarray) -> np.ndarray:
    """The lengths (..., P) of the longer sides; 0 where neither is seen."""
    lengths: np.ndarray = np.linalg.norm(vectors, axis=-1).max(-1)
    return lengths


def _likeness(vectors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """How much the frames (F,) are like the reference, whatever their size: 1 is the same, and what the reference
    shows and a frame does not is unlike."""
    axes = (-3, -2, -1)
    shared = vectors * (target != 0).any(-1, keepdims=True)
    sizes = np.sqrt((shared**2).sum(axes) * (target**2).sum())
    return np.divide((shared * target).sum(axes), sizes, out=np.full(len(vectors), -1.0), where=sizes > 0)


def _ratio(target: np.ndarray, driver: np.ndarray) -> float | None:
    """Of the lengths that both have (are not 0), all together; None where there are none."""
    both = (target > 0) & (driver > 0)
    return float(np.linalg.norm(target[both]) / np.linalg.norm(driver[both])) if both.any() else None


def _ratio_alike(target: np.ndarray, lengths: np.ndarray, likeness: np.ndarray) -> float | None:
    """`_ratio` of the lengths (P,) to those (F, P) in the frame most like the reference of those that show any."""
    shown = (lengths * target).any(1)
    return _ratio(target, lengths[np.where(shown, likeness, -np.inf).argmax()])


def _carry(points: np.ndarray, seen: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All keypoints (F, 128, 2) with those that are not seen put where they may be, and the same with each way from
    the keypoint that carries it scaled."""
    filled, scaled = np.zeros(points.shape), np.zeros(points.shape)
    # a neck never seen lies at 0: what hangs from it then has the body's scale, so that its place does not matter
    filled[:, NECK] = scaled[:, NECK] = _between(points[:, NECK], seen[:, NECK])
    for joint, carrier in TREE.items():
        way = _between(points[:, joint] - filled[:, carrier], seen[:, joint])
        filled[:, joint] = filled[:, carrier] + way
        scaled[:, joint] = scaled[:, carrier] + factors[joint] * way
    return filled, scaled


def _between(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Values (F, 2), in frames where they are not seen those between the frames before and behind; never seen, 0."""
    if seen.all():
        return values
    if not seen.any():
        return np.zeros_like(values)
    frames = np.arange(len(values))
    return np.stack([np.interp(frames, frames[seen], each[seen]) for each in values.T], axis=1)


def _anchor(known: np.ndarray) -> list[int]:
    """The keypoints whose place is kept, out of those `known` (128,) of both."""
    for joints in (ANKLES, HIPS, (NECK,)):
        if known[list(joints)].all():
            return list(joints)
    return np.flatnonzero(known).tolist()


def _stand(points: np.ndarray) -> np.ndarray:
    """Where points (N, 2) stand: in their middle, on the lowest."""
    return np.array([points[:, 0].mean(), points[:, 1].max()])

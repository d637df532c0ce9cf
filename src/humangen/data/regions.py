"""The try-on region out of a parse map and a pose, without a network, and what can be wrong with a region.

A region is bool (H, W), True where the garment is to be painted. The drawing is HR-VITON's (Lee et al., ECCV 2022,
`get_agnostic`), with which VITON-HD's own `agnostic-mask` was made: trunk, neck and arms as thick shapes in units of
a sixteenth of the shoulders' distance, wide enough to hide how long the worn sleeves are. Here it also covers the
worn clothes wherever they are, and has legs, for trousers, skirts and dresses.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike

from humangen.data.parsers import PARSERS, Labels, check_labels, covered_and_kept, worn_clothes
from humangen.pose.keypoints import BODY, VISIBLE

LEAST_AREA, MOST_AREA = 0.05, 0.75  # of the picture; VITON-HD's own regions are 0.25 to 0.41
# of the picture's edges but the lower one, at which people are cut off. Real regions hold none of it, whatever they are
# for and rectangles too; their inversions hold all. Half has room for a close-up's lower two thirds, from side to side.
MOST_EDGE = 0.5
LEAST_COVER, MOST_FACE = 0.9, 0.1  # of the worn clothes, of the face
NECK, RIGHT_ARM, LEFT_ARM, RIGHT_LEG, LEFT_LEG = 1, [2, 3, 4], [5, 6, 7], [8, 9, 10], [11, 12, 13]
NECK_SHAPE = np.array([(-5, -9), (5, -9), (5, 0), (-5, 0)])  # in sixteenths of the shoulders' distance
TRUNK = 1.7  # from shoulders to hips, in distances of the shoulders


@dataclass(frozen=True)
class Figure:
    """A body in pixels: its seen joints by their OpenPose numbers, shoulders and hips (right and left, (2, 2) each),
    and the distance `span` of its shoulders."""

    joints: dict[int, np.ndarray]
    shoulders: np.ndarray
    hips: np.ndarray
    span: float

    def chain(self, numbers: list[int]) -> list[np.ndarray]:
        return [self.joints[number] for number in numbers if number in self.joints]


def figure_of(keypoints: np.ndarray | None, height: int, width: int) -> Figure | None:
    """The body that (128, 3) keypoints show; None where they do not show both shoulders, by which all is measured.

    From the side shoulders lie close together: then the trunk says how large the body is. Hips are set as far apart
    as the shoulders, and below them where they are not seen.
    """
    body = np.zeros((18, 3)) if keypoints is None else keypoints[BODY]
    joints = {number: point[:2] * [width, height] for number, point in enumerate(body) if point[2] >= VISIBLE}
    if not {2, 5} <= set(joints):
        return None
    shoulders = np.stack([joints[2], joints[5]])
    span = max(float(np.linalg.norm(shoulders[1] - shoulders[0])), 1.0)
    hips = shoulders + [0, TRUNK * span]
    if {8, 11} <= set(joints):
        hips = np.stack([joints[8], joints[11]])
        span = max(span, float(np.linalg.norm((hips - shoulders).mean(0))) / 2)
    middle, apart = hips.mean(0), max(float(np.linalg.norm(hips[1] - hips[0])), 1.0)
    return Figure(joints, shoulders, middle + (hips - middle) * span / apart, span)


def head_of(parse: np.ndarray, figure: Figure | None, parser: str) -> np.ndarray:
    """Hair, hat, glasses and face, bool (H, W). Where a parser shows no neck it is part of the face (DressCode's
    maps): what is not a quarter of the shoulders' distance above them is taken off (LaDI-VTON's cut)."""
    labels = PARSERS[parser]
    face = parse == labels.face
    if figure is not None and not np.isin(parse, labels.neck).any():
        base = figure.shoulders.mean(0)
        up = base - figure.hips.mean(0)
        up = up / max(float(np.linalg.norm(up)), 1.0)
        y, x = np.indices(parse.shape)
        face &= (x - base[0]) * up[0] + (y - base[1]) * up[1] > figure.span / 4
    return face | np.isin(parse, labels.hair)


def region_from_parse(parse: np.ndarray, keypoints: np.ndarray | None, parser: str, category: str) -> np.ndarray:
    """The region for an `upper`, `lower` or `dress` garment, bool (H, W), of label numbers uint8 (H, W) and (128, 3)
    keypoints in [0, 1]. Head, shoes, bag and the other half's clothes are kept, hands where the wrist is seen; bare
    feet go with the legs. Without keypoints, or where they show no shoulders, it is the worn clothes and the bare
    limbs, hands and all, grown by a fiftieth of the picture. Raises `InputError` for a parse map of another parser.
    """
    labels = PARSERS[parser]
    check_labels(parse, parser)
    figure = figure_of(keypoints, *parse.shape)
    covers, keeps = covered_and_kept(labels, category)
    kept = head_of(parse, figure, parser) | np.isin(parse, keeps)
    drawn, margin = np.zeros(parse.shape, np.uint8), max(parse.shape) / 50
    if figure is not None:
        margin = figure.span / 16
        if category != "lower":
            _draw_top(drawn, figure)
            kept |= _hands(parse, figure, labels)
        if category != "upper":
            _draw_legs(drawn, figure)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(margin) + 1,) * 2)
    grown = cv2.dilate((np.isin(parse, covers) & ~kept).astype(np.uint8), disc)
    return ((drawn > 0) | (grown > 0)) & ~kept


def rectangle_region(region: np.ndarray, head: np.ndarray | None = None) -> np.ndarray:
    """The bounding rectangle of a region, without `head` (FitDiT's region); both bool (H, W)."""
    rectangle = np.zeros_like(region)
    rows, columns = np.nonzero(region.any(1))[0], np.nonzero(region.any(0))[0]
    if len(rows):
        rectangle[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return rectangle if head is None else rectangle & ~head


def edge_share(region: np.ndarray) -> float:
    """How much of the upper edge and the sides of the picture a region, bool (H, W), holds."""
    return float(np.concatenate([region[0], region[1:, 0], region[1:, -1]]).mean())


def seems_inverted(region: np.ndarray) -> bool:
    """Whether a region, bool (H, W), is rather what should be kept."""
    return bool(region.mean() > MOST_AREA or edge_share(region) > MOST_EDGE)


def check_region(region: np.ndarray, *, parse: np.ndarray | None, parser: str | None, category: str) -> list[str]:
    """What is wrong with a region, bool (H, W), in words that begin with `the region`; nothing when it is good. It is
    its area that counts, what it holds of the picture's edges and, where there is a parse map, how much of the worn
    clothes and of the face it covers."""
    offences = []
    area, edge = region.mean(), edge_share(region)
    if seems_inverted(region):
        held = f"{area:.1%} of the picture, and {edge:.0%} of its edges but the lower one"
        offences.append(f"the region seems inverted: it holds {held}. A mask is white where to paint")
    elif area < LEAST_AREA:
        wanted = f"{LEAST_AREA:.0%} to {MOST_AREA:.0%}: is white where to paint?"
        offences.append(f"the region is {area:.1%} of the picture, not {wanted}")
    if parse is None or parser is None:
        return offences
    garment, face = garment_share(region, parse, parser, category), face_share(region, parse, parser)
    if garment is None:
        offences.append(f"the region has nothing to replace: the parse map shows no {category} garment")
    elif garment < LEAST_COVER:
        offences.append(f"the region covers {garment:.0%} of the worn garment, not {LEAST_COVER:.0%}")
    if face is not None and face > MOST_FACE:
        offences.append(f"the region covers {face:.0%} of the face")
    return offences


def region_shares(region: np.ndarray, parse: np.ndarray, parser: str, category: str) -> dict[str, float | None]:
    """What a manifest says of how a region and a parse map lie on one another; None of what the map does not show."""
    shares = garment_share(region, parse, parser, category), face_share(region, parse, parser)
    names = "garment_covered", "face_covered"
    return {name: None if share is None else round(share, 4) for name, share in zip(names, shares, strict=True)}


def garment_share(region: np.ndarray, parse: np.ndarray, parser: str, category: str) -> float | None:
    """How much of the worn clothes a region, bool (H, W), covers; None where the parse map shows none."""
    worn = worn_clothes(parse, parser, category)
    return float(region[worn].mean()) if worn.any() else None


def face_share(region: np.ndarray, parse: np.ndarray, parser: str) -> float | None:
    """How much of the face's upper half a region, bool (H, W), covers; None where the parse map shows no face."""
    face = parse == PARSERS[parser].face
    rows = np.nonzero(face.any(1))[0]
    if not len(rows):
        return None
    face[(rows[0] + rows[-1]) // 2 + 1 :] = False  # its lower half may be the neck
    return float(region[face].mean())


def _draw_top(canvas: np.ndarray, figure: Figure) -> None:
    """Trunk, neck and arms, in HR-VITON's proportions."""
    unit, shoulders, hips = figure.span / 16, figure.shoulders, figure.hips
    cv2.fillPoly(canvas, [_pixels([*shoulders, *hips[::-1]])], 1)
    for shoulder, hip in zip(shoulders, hips, strict=True):
        _stroke(canvas, [shoulder, hip], 6 * unit)
    _stroke(canvas, hips, 12 * unit)
    _stroke(canvas, shoulders, 12 * unit)
    neck = figure.joints.get(NECK, shoulders.mean(0))
    cv2.fillPoly(canvas, [_pixels(neck + unit * NECK_SHAPE)], 1)
    for arm in (RIGHT_ARM, LEFT_ARM):
        _stroke(canvas, figure.chain(arm), 10 * unit)


def _draw_legs(canvas: np.ndarray, figure: Figure) -> None:
    """Hips and legs, and what is between the legs, where a skirt may hang."""
    unit, hips = figure.span / 16, figure.hips
    legs = [[hip, *figure.chain(leg[1:])] for hip, leg in zip(hips, (RIGHT_LEG, LEFT_LEG), strict=True)]
    cv2.fillConvexPoly(canvas, cv2.convexHull(_pixels(legs[0] + legs[1])), 1)
    for leg in legs:
        _stroke(canvas, leg, 10 * unit)
    _stroke(canvas, hips, 12 * unit)


def _hands(parse: np.ndarray, figure: Figure, labels: Labels) -> np.ndarray:
    """Bare skin round a seen wrist that is not on the way to it, bool (H, W): HR-VITON's hands. An arm that the
    parser gives to the other side lies too far from that side's wrist to be kept."""
    unit, hands = figure.span / 16, np.zeros(parse.shape, bool)
    for label, arm in zip(labels.arms, (LEFT_ARM, RIGHT_ARM), strict=True):
        if arm[-1] in figure.joints:
            reach, way = np.zeros(parse.shape, np.uint8), np.zeros(parse.shape, np.uint8)
            _stroke(reach, [figure.joints[arm[-1]]] * 2, 20 * unit)
            _stroke(way, figure.chain(arm), 8 * unit)
            hands |= (parse == label) & (reach > way)
    return hands


def _pixels(points: ArrayLike) -> np.ndarray:
    return np.rint(np.asarray(points)).astype(np.int32)


def _stroke(canvas: np.ndarray, points: ArrayLike, width: float) -> None:
    """A line through the points with round ends: a disc where both are the same, nothing of a single one."""
    cv2.polylines(canvas, [_pixels(points)], False, 1, max(1, round(width)))

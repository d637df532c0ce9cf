"""The region out of parse map and pose: what it hides, what it keeps, and what is said of bad ones."""

from __future__ import annotations

import io
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from humangen.data.masks import decode_mask, region_from_mask
from humangen.data.parsers import PARSERS
from humangen.data.regions import check_region, figure_of, head_of, rectangle_region, region_from_parse
from humangen.types import InputError

HEIGHT, WIDTH = 256, 192
JOINTS = {
    **{0: (96, 32), 1: (96, 62), 2: (72, 64), 3: (60, 100), 4: (54, 132), 5: (120, 64), 6: (132, 100), 7: (138, 132)},
    **{8: (84, 136), 9: (82, 190), 10: (80, 236), 11: (108, 136), 12: (110, 190), 13: (112, 236)},
}
HANDS = (4, 7)
# labels of a drawn person: hair, face, neck, left and right arm, left and right leg, top, trousers, shoes
CIHP = {"hair": 2, "face": 13, "neck": 10, "arms": (14, 15), "legs": (16, 17), "top": 5, "trousers": 9, "shoes": 18}
ATR = {"hair": 2, "face": 11, "neck": 18, "arms": (14, 15), "legs": (12, 13), "top": 4, "trousers": 6, "shoes": 9}


def pose(*, without: tuple[int, ...] = ()) -> np.ndarray:
    keypoints = np.zeros((128, 3), np.float32)
    for number, (x, y) in JOINTS.items():
        if number not in without:
            keypoints[number] = x / WIDTH, y / HEIGHT, 0.9
    return keypoints


def drawn(labels: dict, *, sleeves: bool = False) -> np.ndarray:
    """A person from the front, in trousers and a top without sleeves or with long ones."""
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)

    def line(numbers: tuple[int, ...], label: int, width: int) -> None:
        cv2.polylines(canvas, [np.array([JOINTS[number] for number in numbers], np.int32)], False, label, width)

    cv2.ellipse(canvas, (96, 34), (17, 24), 0, 0, 360, labels["hair"], -1)
    cv2.rectangle(canvas, (90, 40), (102, 64), labels["neck"], -1)
    cv2.ellipse(canvas, (96, 36), (11, 16), 0, 0, 360, labels["face"], -1)
    for numbers, label in (((11, 12, 13), labels["legs"][0]), ((8, 9, 10), labels["legs"][1])):
        line(numbers, label, 12)
        line(numbers[:2], labels["trousers"], 20)
        cv2.circle(canvas, (JOINTS[numbers[-1]][0], 243), 6, labels["shoes"], -1)
    for numbers, label in (((5, 6, 7), labels["arms"][0]), ((2, 3, 4), labels["arms"][1])):
        line(numbers, labels["top"] if sleeves else label, 8)
        x, y = JOINTS[numbers[-1]]
        cv2.circle(canvas, (x, y + 12), 6, label, -1)
    cv2.fillPoly(canvas, [np.array([(72, 60), (120, 60), (112, 138), (80, 138)], np.int32)], labels["top"])
    return canvas


def share(region: np.ndarray, parse: np.ndarray, label: int) -> float:
    return float(region[parse == label].mean())


@pytest.mark.parametrize(("parser", "labels"), [("cihp", CIHP), ("atr", ATR)])
def test_an_upper_region_covers_the_top_and_the_arms_and_keeps_the_rest(parser: str, labels: dict) -> None:
    parse = drawn(labels)
    region = region_from_parse(parse, pose(), parser, "upper")
    assert region.shape == parse.shape
    assert region.dtype == bool
    assert share(region, parse, labels["top"]) == share(region, parse, labels["neck"]) == 1
    for kept in ("hair", "face", "trousers", "shoes"):
        assert share(region, parse, labels[kept]) == 0
    for number in (3, 6):
        x, y = JOINTS[number]
        assert region[y - 12 : y + 12, x - 10 : x + 10].all()
    for number in HANDS:  # the fingers
        x, y = JOINTS[number]
        assert not region[y + 16, x]
    assert not check_region(region, parse=parse, parser=parser, category="upper")


def test_the_region_does_not_tell_how_long_the_sleeves_are() -> None:
    bare, covered = (region_from_parse(drawn(CIHP, sleeves=long), pose(), "cihp", "upper") for long in (False, True))
    assert (bare == covered).all()


@pytest.mark.parametrize("category", ["upper", "lower", "dress"])
def test_both_parsers_see_the_same_person(category: str) -> None:
    cihp = region_from_parse(drawn(CIHP), pose(), "cihp", category)
    assert (cihp == region_from_parse(drawn(ATR), pose(), "atr", category)).all()


def test_a_lower_region_covers_the_legs_and_what_is_between_them() -> None:
    parse = drawn(CIHP)
    region = region_from_parse(parse, pose(), "cihp", "lower")
    for label in (CIHP["trousers"], *CIHP["legs"]):
        assert share(region, parse, label) == 1
    for label in (CIHP["top"], *CIHP["arms"], CIHP["face"], CIHP["hair"], CIHP["shoes"]):
        assert share(region, parse, label) == 0
    assert region[150:230, 96].all()


def test_a_dress_takes_both_halves() -> None:
    parse = drawn(CIHP)
    region = region_from_parse(parse, pose(), "cihp", "dress")
    for label in (CIHP["top"], CIHP["neck"], CIHP["trousers"], *CIHP["legs"]):
        assert share(region, parse, label) == 1
    for label in (CIHP["hair"], CIHP["face"], CIHP["shoes"]):
        assert share(region, parse, label) == 0
    assert not region[JOINTS[4][1] + 16, JOINTS[4][0]]


@pytest.mark.parametrize("keypoints", [None, pose(without=(2,))])
def test_without_a_pose_it_is_the_clothes_and_the_limbs(keypoints: np.ndarray | None) -> None:
    parse = drawn(CIHP)
    region = region_from_parse(parse, keypoints, "cihp", "upper")
    for label in (CIHP["top"], CIHP["neck"], *CIHP["arms"]):
        assert share(region, parse, label) == 1
    for label in (CIHP["trousers"], CIHP["face"], CIHP["hair"]):
        assert share(region, parse, label) == 0


def test_an_arm_whose_wrist_is_not_seen_is_covered_whole() -> None:
    parse = drawn(CIHP)
    region = region_from_parse(parse, pose(without=(4,)), "cihp", "upper")
    assert share(region, parse, CIHP["arms"][1]) == 1
    assert share(region, parse, CIHP["arms"][0]) < 1


@pytest.mark.parametrize("hips", [(), (8, 11)])
def test_a_wider_and_longer_top_has_room_whether_hips_are_seen_or_not(hips: tuple[int, ...]) -> None:
    region = region_from_parse(drawn(CIHP), pose(without=(3, 4, 6, 7, *hips)), "cihp", "upper")
    assert region[148, 64:70].all()
    assert not region[170:].any()


def test_arms_named_the_wrong_way_round_do_not_stay() -> None:
    parse = drawn({**CIHP, "arms": CIHP["arms"][::-1]})
    region = region_from_parse(parse, pose(), "cihp", "upper")
    for number in (3, 6):
        x, y = JOINTS[number]
        assert region[y - 12 : y + 12, x - 10 : x + 10].all()


def test_a_body_seen_from_the_side_is_as_large_as_its_trunk_says() -> None:
    keypoints = pose()
    keypoints[[2, 5], 0] = 95 / WIDTH, 97 / WIDTH
    figure = figure_of(keypoints, HEIGHT, WIDTH)
    assert figure is not None
    assert figure.span == pytest.approx(36, abs=1)


def test_a_neck_that_the_parser_calls_face_is_painted() -> None:
    parse = drawn({**ATR, "neck": ATR["face"]})
    region = region_from_parse(parse, pose(), "atr", "upper")
    assert region[54:60, 92:100].all()
    assert not region[20:50, 88:104].any()
    assert not check_region(region, parse=parse, parser="atr", category="upper")


def test_a_coloured_parse_map_is_refused() -> None:
    colours = np.where(drawn(CIHP) > 0, 254, 0).astype(np.uint8)
    with pytest.raises(InputError, match="holds 254, and cihp has labels 0 to 19"):
        region_from_parse(colours, pose(), "cihp", "upper")


def test_the_tables_name_each_label_once() -> None:
    for labels in PARSERS.values():
        groups = [labels.hair, (labels.face,), labels.neck, labels.arms, labels.legs, labels.tops, labels.dress]
        numbers = [number for group in [*groups, labels.bottoms, labels.carried] for number in group]
        assert len(numbers) == len(set(numbers))
        assert set(numbers) <= set(range(1, labels.last + 1))


def test_a_rectangle_bounds_the_region_and_spares_the_head() -> None:
    parse = drawn(CIHP)
    region = region_from_parse(parse, pose(), "cihp", "upper")
    rows, columns = np.nonzero(region)
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    rectangle = rectangle_region(region)
    assert rectangle[box].all()
    assert rectangle.sum() == rectangle[box].size
    head = head_of(parse, figure_of(pose(), HEIGHT, WIDTH), "cihp")
    assert (rectangle_region(region, head) == (rectangle & ~head)).all()
    assert not rectangle_region(np.zeros((4, 4), bool)).any()


def test_masks_are_black_and_white() -> None:
    region = region_from_parse(drawn(CIHP), pose(), "cihp", "upper")
    assert (region_from_mask(region.astype(np.uint8) * 255) == region).all()
    assert (region_from_mask(region.astype(np.uint8)) == region).all()
    buffer = io.BytesIO()
    Image.fromarray(region.astype(np.uint8) * 255).save(buffer, "jpeg")
    assert (region_from_mask(decode_mask(buffer.getvalue(), "mask")) != region).mean() < 0.01


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.where(np.eye(40, dtype=bool), 255, 128).astype(np.uint8), "00055_00.png is no mask: 98% of it is neither"),
        (np.zeros((40, 40), np.uint8), "marks nothing to paint"),
        (np.full((40, 40), 9, np.uint8), "marks nothing to paint"),
    ],
)
def test_what_is_no_mask_is_refused(labels: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        region_from_mask(labels, "00055_00.png")


def test_offences_are_said_in_words() -> None:
    parse = drawn(CIHP)
    region = region_from_parse(parse, pose(), "cihp", "upper")

    def offences(region: np.ndarray, parse: np.ndarray | None = parse, category: str = "upper") -> str:
        return "; ".join(check_region(region, parse=parse, parser="cihp", category=category))

    assert not offences(region)
    assert not offences(region, None)
    assert "0.0% of the picture, not 5% to 75%" in offences(np.zeros_like(region), None)
    assert "seems inverted: it holds 100.0% of the picture" in offences(np.ones_like(region), None)
    assert "covers 0% of the worn garment, not 90%" in offences(region, category="lower")
    assert "covers 100% of the face" in offences(~region)
    assert "shows no upper garment" in offences(region, np.where(parse == CIHP["top"], 0, parse))

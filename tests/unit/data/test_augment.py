"""What varies in training: colours of person, garment and truth alike, regions that only grow, boxes that hold them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from humangen.data.augment import CELL, Augmentation, Dressed, recoloured
from humangen.data.framing import Framing
from humangen.data.schema import encode_pair
from humangen.data.tryon import PairExample, make_pair_example, stack_pairs, tryon_batch
from humangen.media import decode_picture
from humangen.types import Drawn, InputError
from tests.unit.data.test_tryon_data import HEIGHT, WIDTH, pair

SEEDS = range(40)
FRAMING = Framing(height=HEIGHT, width=WIDTH)
ALL = Augmentation(region=1, rectangle=0.5, colour=0.3, shift=0.1, scale=0.1)


def sample() -> Dressed:
    """Every colour once in the person, and in another order in the garment; two spots as region."""
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (HEIGHT * WIDTH, 3), np.uint8)
    person, garment = (colours[random.permutation(len(colours))].reshape(HEIGHT, WIDTH, 3) for _ in range(2))
    region = np.zeros((HEIGHT, WIDTH), bool)
    region[20:30, 12:20] = region[34:40, 26:30] = True
    return Dressed(person, garment, region, None)


def varied(augmentation: Augmentation) -> list[Dressed]:
    return [augmentation(sample(), np.random.default_rng(seed)) for seed in SEEDS]


def example(seed: int = 0, key: str = "p", augmentation: Augmentation = ALL, truth: bool = False) -> PairExample:
    record = pair(key)
    if truth:
        record = replace(record, truth=record.person)
    return make_pair_example(encode_pair(record), seed, framing=FRAMING, augmentation=augmentation)


def test_one_colour_becomes_one_colour_in_both_pictures() -> None:
    before = sample()
    after = varied(Augmentation(colour=0.3))
    for each in after[:5]:
        became = {tuple(old): tuple(new) for old, new in zip(pixels(before.person), pixels(each.person), strict=True)}
        found = [became[tuple(old)] for old in pixels(before.garment)]
        np.testing.assert_array_equal(found, pixels(each.garment))
        np.testing.assert_array_equal(each.region, before.region)
    assert len({each.person.tobytes() for each in after}) == len(SEEDS)


def pixels(picture: np.ndarray) -> np.ndarray:
    return picture.reshape(-1, 3)


@pytest.mark.parametrize(("contrast", "brightness"), [(0.5, -0.25), (-0.4, 0.3), (0.8, 0.1)])
def test_greys_follow_the_formula_and_are_clipped_once(contrast: float, brightness: float) -> None:
    """What contrast brings beyond white, brightness brings back; hue and saturation are nothing to a grey."""
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    found = recoloured(Dressed(ramp, ramp, ramp[..., 0] > 0, None), contrast, brightness, 0.5, 1.0)
    wanted = ((ramp / 255 - 0.5) * (1 + contrast) + 0.5 + brightness).clip(0, 1) * 255
    assert np.abs(found.person - wanted).max() <= 0.51
    np.testing.assert_array_equal(found.person, found.garment)


def test_hue_turns_and_saturation_fades() -> None:
    red = np.full((2, 2, 3), (200, 40, 40), np.uint8)
    alone = Dressed(red, red, red[..., 0] > 0, None)
    for turn, degrees in ((1, 36), (-1, 324)):
        turned = recoloured(alone, 0, 0, 0, turn).person.astype(np.float32) / 255
        assert cv2.cvtColor(turned, cv2.COLOR_RGB2HSV)[0, 0, 0] == pytest.approx(degrees, abs=1)
    assert np.ptp(recoloured(alone, 0, 0, -1, 0).person[0, 0]) == 0
    np.testing.assert_array_equal(recoloured(alone, 0, 0, 0, 0).person, red)


def test_the_truth_has_the_colours_of_the_person() -> None:
    """A truth of its own was not varied, and is none any more; of a pair the person is the truth."""
    for truth in (False, True):
        made = example(augmentation=Augmentation(colour=0.3), truth=truth)
        assert (made.person != decode_picture(pair().person, "person")).any()
        batch = tryon_batch(stack_pairs([made], Drawn()))
        assert batch.truth is not None
        assert (batch.truth == batch.person).all()


def test_a_region_never_shrinks_and_grows_by_no_more_than_was_asked_for() -> None:
    before, cells = sample().region, 1
    most = cv2.dilate(before.astype(np.uint8), np.ones((2 * cells * CELL + 1,) * 2, np.uint8)) > 0
    areas = set()
    for each in varied(Augmentation(region=cells)):
        assert each.region[before].all()
        assert not each.region[~most].any()
        areas.add(int(each.region.sum()))
    assert {int(before.sum()), int(most.sum())} <= areas
    assert len(areas) == cells * CELL + 1


@pytest.mark.parametrize("augmentation", [Augmentation(rectangle=1), Augmentation(rectangle=1, region=1)])
def test_a_rectangle_holds_the_region(augmentation: Augmentation) -> None:
    before = sample().region
    for each in varied(augmentation):
        rows, columns = np.nonzero(each.region)
        assert each.region[before].all()
        assert each.region[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
        if not augmentation.region:
            assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 39, 12, 29)


def test_so_many_regions_become_rectangles_as_was_asked_for() -> None:
    before = sample().region
    boxed = np.mean([(each.region != before).any() for each in varied(Augmentation(rectangle=0.25))])
    assert 0.1 < boxed < 0.4
    assert not any((each.region != before).any() for each in varied(Augmentation()))


def test_a_draw_depends_on_the_seed_and_the_key_alone() -> None:
    keys = ["a", "b", "c"]
    forward = {key: example(1, key) for key in keys}
    backward = {key: example(1, key) for key in reversed(keys)}
    for key in keys:
        for name in ("person", "garment", "region", "pose"):
            np.testing.assert_array_equal(getattr(forward[key], name), getattr(backward[key], name))
    others = [*forward.values(), *(example(seed, "a") for seed in range(2, 5))]
    assert len({each.person.tobytes() for each in others}) == len(others)


@pytest.mark.parametrize("wrong", [{"region": -1}, {"colour": 1.5}, {"rectangle": -0.1}])
def test_what_is_no_share_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="all other numbers are shares from 0 to 1"):
        Augmentation(**wrong)  # type: ignore[arg-type]


def test_what_is_varied_stays_as_it_was() -> None:
    before, same = sample(), sample()
    ALL(before, np.random.default_rng(0))
    for name in ("person", "garment", "region"):
        np.testing.assert_array_equal(getattr(before, name), getattr(same, name))

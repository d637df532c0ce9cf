"""What was read of a garment and seen of a person is as good the next time, in any company."""

from __future__ import annotations

import numpy as np
import pytest

from humangen.diffusion.sample import Sampler
from humangen.inference.dresser import Dresser
from humangen.inference.people import Person
from humangen.inference.tryon import try_on
from humangen.media import to_uint8
from tests.unit.tiny import tiny_tryon_pipeline

KEYS, SIDE = ["a+r", "b+r", "a+s", "b+s"], 64


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def person(seed: int) -> Person:
    region = np.zeros((SIDE, SIDE), bool)
    region[20:44, 10 + seed : 50] = True
    return Person(pixels(seed), region, None, [])


@pytest.fixture(params=["causal", "full", "canvas"])
def dresser(request: pytest.FixtureRequest) -> Dresser:
    pipeline = tiny_tryon_pipeline(request.param)
    return Dresser(pipeline, Sampler(num_steps=2), SIDE, SIDE, guidance=2.0, composite="none")


def test_kept_readings_paint_the_same_bits_in_any_order(dresser: Dresser) -> None:
    people, garments = [person(1), person(2)], [pixels(3), pixels(4)]
    seen, read = [dresser.see(each) for each in people], [dresser.read(each) for each in garments]
    first = dresser.dress(KEYS, people * 2, seen * 2, read)
    again = dresser.dress(KEYS, people * 2, [dresser.see(each) for each in people] * 2, read)
    turned = dresser.dress(
        KEYS[::-1], people[::-1] * 2, seen[::-1] * 2, [dresser.read(each) for each in garments[::-1]]
    )
    for one, two, three in zip(first, again, turned[::-1], strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
    assert len({each.tobytes() for each in first}) == 4


def test_it_is_what_a_batch_paints_that_reads_for_itself(dresser: Dresser) -> None:
    people, garments = [person(1), person(2)] * 2, [pixels(3), pixels(4)]
    batch = dresser.batch(KEYS, people, garments)
    whole = to_uint8(try_on(dresser.pipeline, batch, sampler=dresser.sampler, guidance=2.0))
    apart = dresser.dress(
        KEYS, people, [dresser.see(each) for each in people], [dresser.read(each) for each in garments]
    )
    assert np.abs(whole.astype(int) - np.stack(apart)).max() <= 1

"""The same people with other pixels under the region, swapped before anything is resized, blanked or encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from humangen.data.schema import decode_pair, encode_pair
from humangen.data.tars import Sample
from humangen.inference.people import Person
from humangen.media import decode_picture, encode_picture, fit_picture


def swapped(pictures: Sequence[np.ndarray], regions: Sequence[np.ndarray], seed: int) -> dict[str, list[np.ndarray]]:
    """By what lies under their regions (H, W) now: pictures uint8 (H, W, 3), `random` pixels, and where there are
    several people, those of `another`."""
    random = np.random.default_rng(seed)
    pixels = {"random": [random.integers(0, 256, picture.shape, np.uint8) for picture in pictures]}
    if len(pictures) > 1:
        following = [*pictures[1:], pictures[0]]
        pixels["another"] = [
            fit_picture(other, *picture.shape[:2]) for picture, other in zip(pictures, following, strict=True)
        ]
    return {
        name: [
            np.where(region[..., None], under, picture)
            for picture, region, under in zip(pictures, regions, others, strict=True)
        ]
        for name, others in pixels.items()
    }


def swapped_samples(samples: Sequence[Sample], seed: int = 0) -> dict[str, list[Sample]]:
    """Raw samples of shards, likewise."""
    records = [decode_pair(sample) for sample in samples]
    people = [decode_picture(record.person, f"person of {record.key}") for record in records]
    found = swapped(people, [record.region for record in records], seed)
    return {
        name: [
            encode_pair(replace(record, person=encode_picture(picture)))
            for record, picture in zip(records, pictures, strict=True)
        ]
        for name, pictures in found.items()
    }


def swapped_people(people: Sequence[Person], seed: int = 0) -> dict[str, list[Person]]:
    """People of files, likewise."""
    found = swapped([person.pixels for person in people], [person.region for person in people], seed)
    return {
        name: [replace(person, pixels=picture) for person, picture in zip(people, pictures, strict=True)]
        for name, pictures in found.items()
    }

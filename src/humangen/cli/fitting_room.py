"""People and garments of files as they are wanted: each garment is read once, and of the last people nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from humangen.cli.errors import Report
from humangen.inference.dresser import Dresser
from humangen.inference.outfits import Outfit, together
from humangen.inference.people import Person, Wardrobe, read_garment
from humangen.inference.tryon import Reading
from humangen.types import Condition

PEOPLE = 16  # of whom what the network is told is held: megabytes each


class FittingRoom:
    """Paints outfits `batch` at once, and tells `report` of what cannot be read and of what is odd.

    The weights are loaded when the first files turn out to be good. What was read of garments is held for one batch's,
    so for all batches of a garment in the order of `together`.
    """

    def __init__(self, wardrobe: Wardrobe, load: Callable[[], Dresser], report: Report, batch: int) -> None:
        self.wardrobe, self.load, self.report, self.batch = wardrobe, load, report, batch
        self.person = lru_cache(batch)(self._person)
        self.garment = lru_cache(batch)(self._garment)
        self.seen = lru_cache(max(batch, PEOPLE))(self._seen)

    @cached_property
    def dresser(self) -> Dresser:
        return self.load()

    def paint(self, outfits: Sequence[Outfit]) -> Iterator[tuple[Outfit, np.ndarray]]:
        """Those of at most `batch` outfits whose files can be read, and their pictures (H, W, 3)."""
        readable = []
        for outfit in outfits:
            with self.report.of(outfit.place):
                self.person(outfit.person)
                self.garment(outfit.garment)
                self.seen(outfit.person)
                readable.append(outfit)
        for some in together(readable, self.batch):
            pictures = self.dresser.dress(
                [outfit.key for outfit in some],
                [self.person(outfit.person) for outfit in some],
                [self.seen(outfit.person) for outfit in some],
                [self.garment(path) for path in dict.fromkeys(outfit.garment for outfit in some)],
            )
            yield from zip(some, pictures, strict=True)

    def _person(self, path: Path) -> Person:
        person = self.wardrobe.read(path)
        for note in person.notes:
            self.report.say(f"note: {note}")
        return person

    def _garment(self, path: Path) -> Reading:
        pixels, notes = read_garment(path)
        for note in notes:
            self.report.say(f"note: {note}")
        return self.dresser.read(pixels)

    def _seen(self, path: Path) -> Condition:
        person = self.person(path)
        fit = self.dresser.fit(person)
        if fit.enlarges:
            own = f"{fit.source[1]}x{fit.source[0]}, smaller than the model's {fit.width}x{fit.height}"
            self.report.say(f"note: {path} is {own}: it is enlarged to be painted, and comes out in its own size")
        return self.dresser.see(person)

"""The embedded dancers for try-on: drawn people, their tops laid flat, and the truth of other tops on them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from data_prep.shards import Members
from data_prep.sources.drawn import FIRST_SEED, DrawnSource, Job
from humangen.data.dancers import Dance, Dancer, Top, draw_closeup, draw_flat_garment
from humangen.data.schema import PairInfo, PairRecord, encode_pair
from humangen.media import encode_picture
from humangen.types import InputError

WARDROBE = 500_000  # from the first person of a split to the first dancer of whom nothing but the top is seen
MOST_OUTFITS = 100  # per person
UNPAIRED = "_unpaired"


@dataclass(frozen=True)
class Outfit:
    """A person in a top in a dance, all by their seeds."""

    person: int
    top: int
    dance: int

    def wearer(self) -> Dancer:
        return replace(Dancer.from_seed(self.person), top=top_of(self.top))


def top_of(seed: int) -> Top:
    return Dancer.from_seed(seed).top


@dataclass(frozen=True, kw_only=True)
class DancersTryOnSource(DrawnSource):
    """Each person in `outfits` tops, one picture each, from the head to the knees: the first top is the person's own,
    the others are those of dancers of whom nothing else is seen. So train sees no top of val or test.

    Splits that end with `_unpaired` ask for another top of the kind that the person wears, shirt or dress, and hold
    the truth of it.
    """

    outfits: int = 1
    kind: ClassVar[str] = "tryon"
    per_shard: ClassVar[int] = 256
    splits: ClassVar[tuple[str, ...]] = ("train", "val", "test", f"val{UNPAIRED}", f"test{UNPAIRED}")

    def jobs(self, split: str) -> list[Job]:
        outfits = 1 if split.endswith(UNPAIRED) else self.outfits
        people = self.count(split.removesuffix(UNPAIRED))
        return [(split, person, outfit) for person in range(people) for outfit in range(outfits)]

    def check(self) -> None:
        super().check()
        if not 1 <= self.outfits <= MOST_OUTFITS:
            raise InputError(f"--outfits must be 1 to {MOST_OUTFITS}")

    def sample(self, job: Job) -> Members:
        return encode_pair(self.record(*job))

    def record(self, split: str, number: int, outfit: int) -> PairRecord:
        first = FIRST_SEED[split.removesuffix(UNPAIRED)]
        person, wardrobe = first + number, first + WARDROBE + number * MOST_OUTFITS
        worn = Outfit(person, wardrobe + outfit if outfit else person, person * MOST_OUTFITS + outfit)
        if not split.endswith(UNPAIRED):
            return self.pair(split, worn, worn)
        kind = top_of(worn.top).is_dress
        others = itertools.count(wardrobe + MOST_OUTFITS // 2)
        return self.pair(split, worn, replace(worn, top=next(top for top in others if top_of(top).is_dress == kind)))

    def pair(self, split: str, worn: Outfit, wanted: Outfit) -> PairRecord:
        """The sample of a person in `worn` who is to be in `wanted`."""
        seconds = float(np.random.default_rng(worn.dance).uniform(0, 4))
        at = Dance.from_seed(worn.dance), seconds, self.height, self.width
        now, unpaired = draw_closeup(worn.wearer(), *at), wanted != worn
        then = draw_closeup(wanted.wearer(), *at) if unpaired else now
        key = f"dancer{worn.person:07d}-{worn.dance % MOST_OUTFITS:02d}"
        return PairRecord(
            key=f"{key}+{wanted.top:07d}" if unpaired else key,
            person=encode_picture(now.picture),
            garment=encode_picture(draw_flat_garment(Dancer.from_seed(wanted.top), self.height, self.width)),
            region=now.region,
            info=PairInfo(
                source=self.name,
                identity=f"dancer-{worn.person}",
                split=split,
                garment=f"dancer-{wanted.top}",
                category="dress" if top_of(worn.top).is_dress else "upper",
                height=self.height,
                width=self.width,
            ),
            keypoints=now.keypoints,
            truth=encode_picture(then.picture) if unpaired else None,
            worn=then.worn,
        )

"""What a person should know before training on a prepared folder."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from data_prep.inspect.folder import Line, Split
from humangen.data.regions import LEAST_AREA, LEAST_COVER, MOST_AREA, MOST_FACE
from humangen.pose.keypoints import VISIBLE

NAMED = 5  # of those that are odd in the same way
SHARED = {  # what splits should not share
    "identity": "people",
    "first_frame_sha256": "first pictures of clips",
    "person_sha256": "pictures of people",
}


def odd(splits: list[Split]) -> list[str]:
    """Sentences, none where all is as it should be."""
    return [*_across(splits), *(note for split in splits for note in [*_whole(split), *_samples(split)])]


def _across(splits: list[Split]) -> Iterator[str]:
    """Who or what is in several splits. Two orders of one split (test, test_unpaired) are of the same people."""
    for field, what in SHARED.items():
        places: dict[Any, dict[str, str]] = defaultdict(dict)
        for split in splits:
            for line in split.lines:
                if field in line:
                    places[line[field]].setdefault(split.name.partition("_")[0], f"{split.name}/{line['key']}")
        torn = [" and ".join(found.values()) for found in places.values() if len(found) > 1]
        yield from _told(f"{what} in several splits", torn)


def _whole(split: Split) -> Iterator[str]:
    """What does not fit together in one split."""
    if split.index.split != split.name:
        yield f"{split.name}: its index calls it {split.index.split}"
    if len(split.lines) != split.index.num_samples:
        yield f"{split.name}: samples in its index {split.index.num_samples}, lines in its manifest {len(split.lines)}"
    twice = [key for key, count in Counter(line["key"] for line in split.lines).items() if count > 1]
    yield from _told(f"{split.name}: keys of several samples", twice)


def _samples(split: Split) -> Iterator[str]:
    for what, is_odd in CHECKS[split.index.kind].items():
        yield from _told(f"{split.name}: {what}", (line["key"] for line in split.lines if is_odd(line)))


def _told(what: str, names: Iterable[str]) -> Iterator[str]:
    """`what`, how many there are, and the first of them by name."""
    names = list(names)
    if names:
        more = f", and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        yield f"{what}: {len(names):,} ({', '.join(names[:NAMED])}{more})"


def _usable(line: Line) -> float:
    """The share of a clip's frames that show one person."""
    return float(1 - (line["frames_without_person"] + line["frames_with_several"]) / line["frames"])


def _known(line: Line, name: str, otherwise: float) -> float:
    """A number that not every line has."""
    number = line.get(name)
    return otherwise if number is None else float(number)


CHECKS: dict[str, dict[str, Callable[[Line], bool]]] = {
    "animation": {
        "clips without a usable frame": lambda line: _usable(line) <= 0,
        "clips with fewer than half of their frames usable": lambda line: 0 < _usable(line) < 0.5,
        f"clips whose body is hardly seen (mean confidence below {VISIBLE})": lambda line: line["confidence"] < VISIBLE,
    },
    "tryon": {
        f"regions that are not {LEAST_AREA:.0%} to {MOST_AREA:.0%} of the picture": lambda line: (
            not LEAST_AREA <= line["region_area"] <= MOST_AREA
        ),
        "masks with values between 0 and 255": lambda line: line.get("mask_grey", 0) > 0,
        "regions with no worn garment under them in the parse map": lambda line: (
            "garment_covered" in line and line["garment_covered"] is None
        ),
        f"regions that cover less than {LEAST_COVER:.0%} of the worn garment": lambda line: (
            _known(line, "garment_covered", LEAST_COVER) < LEAST_COVER
        ),
        f"regions that cover more than {MOST_FACE:.0%} of the face": lambda line: (
            _known(line, "face_covered", MOST_FACE) > MOST_FACE
        ),
    },
}

"""What a try-on sample says of the garment worn, and whether all its parts have one size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_prep.items import UNPAIRED, RawPair
from data_prep.shards import verify_pair
from humangen.data.schema import encode_pair
from humangen.media import encode_picture, write_picture
from humangen.types import InputError
from tests.unit.data_prep.test_pairs import PIXELS, made, parse_map, raw  # noqa: F401


@pytest.mark.parametrize("size", [None, 24])
def test_the_worn_garment_is_marked_where_it_is_known(raw: RawPair, size: int | None) -> None:  # noqa: F811
    record, _ = made(raw, size=size)
    assert (record.worn == (record.parse == 5)).all()
    assert record.worn.any()
    assert (made(replace(raw, category="lower"))[0].worn == (parse_map() == 9)).all()
    unknown = {"split": UNPAIRED}, {"parse": None, "parser": None}
    assert all(made(replace(raw, **change))[0].worn is None for change in unknown)
    write_picture(raw.parse, np.where(parse_map() == 5, 0, parse_map()).astype(np.uint8))
    assert made(raw)[0].worn is None


@pytest.mark.parametrize("part", ["region", "parse", "worn", "truth"])
def test_parts_of_another_size_are_found_in_shards(raw: RawPair, part: str) -> None:  # noqa: F811
    record = replace(made(raw)[0], truth=encode_picture(PIXELS))
    verify_pair(encode_pair(record))
    other = encode_picture(PIXELS[1:]) if part == "truth" else getattr(record, part)[1:]
    with pytest.raises(InputError, match=rf"00055_00 has parts of different sizes: .*{part} 48x63"):
        verify_pair(encode_pair(replace(record, **{part: other})))

"""Which identities are for training and which are held out.

Everyone of one person lands in one split. A preset is named after the publication practice it follows.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from humangen.types import InputError

HELD_OUT_PERCENT = 5  # of `random`, for val and for test each

Split = Callable[[str], str]  # identity -> train, val or test


def random(identity: str) -> str:
    """5 % of the people in val, 5 % in test, decided by a hash of the name: adding people moves nobody."""
    share = int(hashlib.sha256(os.fsencode(identity)).hexdigest(), 16) % 100
    if share < HELD_OUT_PERCENT:
        return "test"
    return "val" if share < 2 * HELD_OUT_PERCENT else "train"


def train(identity: str) -> str:
    return "train"


def test(identity: str) -> str:
    return "test"


def tiktok_public(identity: str) -> str:
    """The public TikTok set: clips 1-334 for training, 335-340 held out (DisCo's folder loader)."""
    return "train" if _tiktok_number(identity, 340) <= 334 else "test"


def tiktok_disco10(identity: str) -> str:
    """All 340 public clips for training, as DisCo's evaluation and the tables after it: their test clips are ten
    others, which whoever owns them prepares with `--split test`."""
    _tiktok_number(identity, 340)
    return "train"


def _tiktok_number(identity: str, last: int) -> int:
    digits = identity.rpartition("-")[2]
    if not digits.isdecimal() or not 1 <= int(digits) <= last:
        raise InputError(f"clip {identity} is none of the numbers 1 to {last} of the TikTok set")
    return int(digits)


PRESETS: dict[str, Split] = {each.__name__: each for each in (random, train, test, tiktok_public, tiktok_disco10)}


OFFICIAL = {
    "ubc_official": "500 clips for training and 100 for test, by the lists or folders of UBC Fashion",
    "vitonhd_official": "11,647 people for training and 2,032 for test, by the lists of VITON-HD",
    "dresscode_official": "the lists of DressCode, by category",
}  # those that the source itself knows

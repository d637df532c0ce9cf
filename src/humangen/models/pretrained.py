"""Weights that come with the package."""

from __future__ import annotations

from pathlib import Path

from humangen.models.codec import PatchCodec

SHIPPED = Path(__file__).parents[1] / "weights" / "dancers"


def dancers_codec() -> PatchCodec:
    """The codec of the embedded dancers."""
    return PatchCodec.from_folder(SHIPPED)

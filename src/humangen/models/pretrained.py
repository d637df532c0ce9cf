"""Weights that come with the package."""

from __future__ import annotations

from pathlib import Path

from humangen.models.vae import LatentCodec, load_codec

SHIPPED_CODEC = Path(__file__).parents[1] / "weights" / "dancers" / "codec"


def dancers_codec() -> LatentCodec:
    """The codec of the embedded dancers."""
    return load_codec(SHIPPED_CODEC).float()

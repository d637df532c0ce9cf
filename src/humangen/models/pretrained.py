"""Weights that come with the package, and codecs by name."""

from __future__ import annotations

from pathlib import Path

from humangen.models.codec import Codec, PatchCodec
from humangen.models.vae import LatentCodec
from humangen.types import InputError

SHIPPED = Path(__file__).parents[1] / "weights" / "dancers"


def dancers_codec() -> PatchCodec:
    """The codec of the embedded dancers."""
    return PatchCodec.from_folder(SHIPPED)


def load_codec(name: str) -> Codec:
    """`dancers`, or the folder of a saved codec or of a diffusers autoencoder."""
    if name == "dancers":
        return dancers_codec()
    folder = Path(name)
    if (folder / "codec.json").is_file():
        return PatchCodec.from_folder(folder)
    if (folder / "config.json").is_file():
        return LatentCodec.from_folder(folder)
    raise InputError(f"no codec in {folder}: neither codec.json nor a diffusers autoencoder's config.json is there")

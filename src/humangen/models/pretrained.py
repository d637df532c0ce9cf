"""Weights that come with the package, and codecs by name."""

from __future__ import annotations

from pathlib import Path

from humangen.models.codec import Codec, PatchCodec
from humangen.models.vae import LatentCodec

WEIGHTS = Path(__file__).parents[1] / "weights"
SHIPPED = {"shipped": WEIGHTS / "dancers", "shipped_tryon": WEIGHTS / "dancers_tryon"}


def dancers_codec() -> PatchCodec:
    """The codec of the embedded dancers."""
    return PatchCodec.from_folder(WEIGHTS / "dancers")


def load_codec(name: str) -> Codec:
    """`dancers`, the folder of a saved codec or of an exported pipeline with one, or what `LatentCodec.from_folder`
    takes. Raises `InputError` where it is none of these."""
    if name == "dancers":
        return dancers_codec()
    for folder in (Path(name), Path(name) / "vae"):
        if (folder / "codec.json").is_file():
            return PatchCodec.from_folder(folder)
    return LatentCodec.from_folder(name)

"""Weights that come with the package, and codecs by name."""

from __future__ import annotations

from pathlib import Path

from humangen.models.codec import Codec, PatchCodec
from humangen.models.vae import LatentCodec
from humangen.types import Missing

WEIGHTS = Path(__file__).parents[1] / "weights"
SHIPPED = {"shipped": WEIGHTS / "dancers", "shipped_tryon": WEIGHTS / "dancers_tryon"}


def dancers_codec() -> PatchCodec:
    """The codec of the embedded dancers."""
    return PatchCodec.from_folder(WEIGHTS / "dancers")


def load_codec(name: str) -> Codec:
    """`dancers`, or the folder of a saved codec or of a diffusers autoencoder."""
    if name == "dancers":
        return dancers_codec()
    folder = Path(name)
    if (folder / "codec.json").is_file():
        return PatchCodec.from_folder(folder)
    if (folder / "config.json").is_file():
        return LatentCodec.from_folder(folder)
    raise Missing(f"no codec in {folder}: neither codec.json nor a diffusers autoencoder's config.json is there")

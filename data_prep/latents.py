"""`python -m data_prep latents`: the same shards once more, with what frozen networks make of each frame beside it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rich.progress import track
from torch import Tensor
from upath import UPath

from data_prep.shards import MANIFEST, Members, noted, verify, write_shards
from humangen.data.framing import Framing
from humangen.data.index import INDEX, Index
from humangen.data.latents import encode_latents
from humangen.data.schema import LATENTS, decode_clip, named
from humangen.data.stream import Shelf, evaluation_samples
from humangen.media import to_tensor
from humangen.types import InputError, LatentsInfo

if TYPE_CHECKING:  # diffusers and transformers take seconds to import; other commands do without
    from humangen.models.codec import Codec
    from humangen.models.image_encoder import ClipImageEncoder


@dataclass(frozen=True)
class Encoder:
    """The networks, the size they see pictures in, and how many frames (each also mirrored) they take at once."""

    codec: Codec
    image_encoder: ClipImageEncoder | None
    framing: Framing
    batch: int
    device: str = "cpu"

    @property
    def info(self) -> LatentsInfo:
        from humangen.models.codec import weights_hash

        return LatentsInfo(
            codec=weights_hash(self.codec),
            height=self.framing.height,
            width=self.framing.width,
            channels=self.codec.channels,
            image_encoder=weights_hash(self.image_encoder) if self.image_encoder else None,
        )

    def encode(self, sample: Members) -> bytes:
        """The latents of a raw sample; raises `InputError` that names it where it cannot be encoded."""
        record = decode_clip(sample)
        with named(record.key):
            video = record.open()
            view = self.framing(*video.size, np.random.default_rng(0), record.info.box)
            parts = []
            for start in range(0, len(video), self.batch):
                frames = video.frames(range(start, min(start + self.batch, len(video))), view.picture)
                parts.append(self.encode_pixels(to_tensor(frames).to(self.device)))
            tensors = {name: torch.cat([part[name] for part in parts], dim=1).half() for name in parts[0]}
            if not all(value.isfinite().all() for value in tensors.values()):
                raise InputError("its latents are not finite in half precision")
        return encode_latents(**tensors)

    def encode_pixels(self, pixels: Tensor) -> dict[str, Tensor]:
        """Of pictures (F, 3, H, W) in [-1, 1], as they are and mirrored, each (2, F, ...)."""
        both = torch.cat([pixels, pixels.flip(-1)])
        mean, logvar = self.codec.posterior(both)
        found = {"mean": mean, "logvar": logvar}
        if self.image_encoder:
            found["tokens"] = self.image_encoder(both)
        return {name: value.unflatten(0, (2, -1)).cpu() for name, value in found.items() if value is not None}


COMPARED = 8  # samples by which it is told whether latents are of these shards


def add_latents(source: UPath | Path, output: Path, encoder: Encoder) -> None:
    """Writes every split of `source` into `output`, its samples as they are and with latents. A split that is there
    already is kept; raises `InputError` where it is of other samples or has other latents."""
    splits = sorted(path.parent.name for path in UPath(source).glob(f"*/{INDEX}"))
    if not splits:
        raise InputError(f"no shards in {source}: no folder in it has an {INDEX}")
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is no folder: name another --output")
    info = encoder.info
    indexes = {split: Index.load(UPath(source) / split, "animation") for split in splits}
    missing = [split for split in splits if not finished(UPath(source) / split, output / split, indexes[split], info)]
    for split in missing:
        write_latents(UPath(source) / split, output / split, indexes[split], encoder, info)


def finished(source: UPath, folder: Path, index: Index, info: LatentsInfo) -> bool:
    """Whether `folder` holds the samples of `source` with latents of `info`; raises `InputError` where it has other
    ones, or other files."""
    if not (folder / INDEX).is_file():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is there, with no {INDEX} in it: remove it or name another --output")
        return False
    found = Index.load(UPath(folder), index.kind)
    if (found.latents, found.num_samples) != (info, index.num_samples):
        raise InputError(
            f"{folder} holds {found.num_samples} samples with other latents than the {index.num_samples} that are "
            "wanted (of another codec, image encoder or size): remove it or name another --output"
        )
    pairs = zip(first(source, index), first(UPath(folder), found), strict=True)
    if any(one != {name: each[name] for name in one} for one, each in pairs):
        raise InputError(f"{folder} holds latents of other samples than {source}: remove it or name another --output")
    print(f"{folder}: {found.num_samples} samples with latents, as they are to be")
    return True


def first(folder: UPath, index: Index) -> list[dict[str, Any]]:
    """The first few samples, without their latents and where they lie."""
    samples = evaluation_samples(Shelf(folder, index), limit=COMPARED)
    return [{name: each[name] for name in each if name not in (LATENTS, "__url__")} for each in samples]


def write_latents(source: UPath, folder: Path, index: Index, encoder: Encoder, info: LatentsInfo) -> None:
    """One split, which appears whole, checked and with its index, or not at all."""
    samples = evaluation_samples(Shelf(source, index))
    encoded = (sample | {LATENTS: encoder.encode(sample)} for sample in samples)
    told = track(encoded, f"latents {folder.name}", total=index.num_samples)
    partial = folder.with_name(f".{folder.name}.partial")
    per_shard = max(shard.num_samples for shard in index.shards)
    digests: dict[str, str] = {}
    written = write_shards(partial, index.split, noted(told, digests), kind=index.kind, per_shard=per_shard)
    verify(partial, written, digests)
    if (source / MANIFEST).is_file():
        (partial / MANIFEST).write_bytes((source / MANIFEST).read_bytes())
    replace(written, latents=info).write(partial)
    partial.replace(folder)


CODEC_HELP = "`dancers`, or an autoencoder as model.vae takes it: its folder, that of a pipeline with a vae, a hub id"


def latents_parser(commands: argparse._SubParsersAction, size: Callable[[str], tuple[int, int]]) -> None:
    """Adds the command `latents`; `size` reads HEIGHTxWIDTH."""
    one = commands.add_parser(
        "latents",
        help="shards with the latents of their frames, for training without decoding",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    one.add_argument("--input", required=True, help="folder or fsspec URL of shards: train, val, test ...")
    one.add_argument("--output", type=Path, required=True, help="folder that gets the same splits with latents")
    one.add_argument("--codec", required=True, help=CODEC_HELP)
    one.add_argument("--image-encoder", help="a CLIP vision model in the same forms, for models that have one")
    one.add_argument("--size", type=size, required=True, help="SIDE or HEIGHTxWIDTH of the pictures in pixels")
    one.add_argument("--batch", type=int, default=8, help="frames that are encoded at once")
    one.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to encode")
    one.set_defaults(run=run_latents)


def run_latents(options: argparse.Namespace) -> None:
    from humangen.models.image_encoder import ClipImageEncoder
    from humangen.models.pretrained import load_codec

    if min(*options.size, options.batch) < 1:
        raise InputError("--size and --batch must be positive")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise InputError("this machine has no CUDA device: use --device cpu")
    clip = options.image_encoder
    height, width = options.size
    encoder = Encoder(
        codec=load_codec(options.codec).eval().to(options.device),
        image_encoder=ClipImageEncoder.from_folder(clip).to(options.device) if clip else None,
        framing=Framing(height=height, width=width),
        batch=options.batch,
        device=options.device,
    )
    add_latents(UPath(options.input), options.output, encoder)

"""Tiny pipelines, clips and shards that the unit tests share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_prep.shards import write_shards
from humangen.data.index import Index
from humangen.data.schema import ClipInfo, ClipRecord, encode_clip
from humangen.diffusion.schedule import Schedule, VarianceSchedule
from humangen.media import encode_video
from humangen.models.codec import PatchCodec
from humangen.models.image_encoder import NoImageEncoder
from humangen.models.pipeline import Pipeline
from humangen.models.tryon import TryOnPipeline
from humangen.models.vae import LatentCodec
from humangen.types import AnimationBatch, TryOnBatch
from tests.conftest import PIXELS, WIDTH, tiny_denoiser
from tests.unit.published import tiny_autoencoder

REAL = Path(__file__).parents[2] / "../shared/real"
SIDE, FRAMES = 64, 4


def tiny_codec() -> PatchCodec:
    """4 latent channels, one cell per 8 pixels, fitted to noise."""
    torch.manual_seed(0)
    codec = PatchCodec(channels=4, widths=(16, 16), groups=8)
    codec.fit_components([torch.rand(8, 3, PIXELS, PIXELS) * 2 - 1])
    return codec


def tiny_pipeline(scheme: str = "causal", schedule: Schedule | None = None) -> Pipeline:
    return Pipeline(
        denoiser=tiny_denoiser(scheme),
        codec=tiny_codec(),
        image_encoder=NoImageEncoder(width=WIDTH),
        schedule=schedule or VarianceSchedule(),
    ).eval()


def tiny_tryon_pipeline(scheme: str = "causal", **options: Any) -> TryOnPipeline:
    """`tiny_pipeline`'s parts as a pipeline for try-on; `options` are its own."""
    parts = tiny_pipeline(scheme)
    return TryOnPipeline(
        denoiser=parts.denoiser,
        codec=parts.codec,
        image_encoder=parts.image_encoder,
        schedule=parts.schedule,
        **options,
    ).eval()


def far_seeing_tryon_pipeline(**options: Any) -> TryOnPipeline:
    """`tiny_tryon_pipeline` with a codec that looks beyond a cell, as Stable Diffusion's does."""
    pipeline = tiny_tryon_pipeline(**options)
    pipeline.codec = LatentCodec(tiny_autoencoder()).requires_grad_(False).eval()
    return pipeline


def tiny_pair_batch(keys: Sequence[str]) -> TryOnBatch:
    """People, garments and poses that depend on each sample's key alone, and a region that does not."""
    pictures = [
        torch.rand(3, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(sum(map(ord, key)))) for key in keys
    ]
    person, garment, pose = torch.stack(pictures, dim=1)
    region = torch.zeros(len(keys), 1, PIXELS, PIXELS, dtype=torch.bool)
    region[:, :, PIXELS // 4 : PIXELS // 2 + 1, PIXELS // 4 : PIXELS // 2 + 1] = True
    return TryOnBatch(list(keys), person * 2 - 1, garment * 2 - 1, region, pose)


def tiny_batch(keys: Sequence[str], frames: int = 1) -> AnimationBatch:
    """A batch whose content depends on each clip's key alone; one reference per clip."""

    def noise(key: str, *shape: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(sum(map(ord, key)))
        return torch.rand(*shape, generator=generator)

    pictures = torch.stack([noise(key, 1 + frames, 3, PIXELS, PIXELS) for key in keys])
    return AnimationBatch(
        keys=list(keys),
        reference=pictures[:, 0] * 2 - 1,
        reference_pose=pictures[:, 0],
        target=pictures[:, 1:] * 2 - 1,
        target_pose=pictures[:, 1:],
    )


def tiny_keypoints(seed: int = 0, frames: int = FRAMES) -> np.ndarray:
    """Visible keypoints (F, 128, 3) anywhere in the picture."""
    keypoints = np.random.default_rng(seed).random((frames, 128, 3), np.float32)
    keypoints[..., 2] = 1
    return keypoints


def tiny_record(key: str, *, frames: int = FRAMES, fps: float = 8.0, figure: bool = True) -> ClipRecord:
    """A clip of plain frames, each a little brighter than the one before."""
    pixels = np.full((frames, SIDE, SIDE, 3), 40, np.uint8)
    pixels += (np.arange(frames, dtype=np.uint8) * 40)[:, None, None, None]
    return ClipRecord(
        key=key,
        video=encode_video(pixels, fps),
        keypoints=tiny_keypoints(len(key), frames),
        info=ClipInfo("test", f"person-{key}", "train", fps, frames, SIDE, SIDE),
        figure=np.arange(frames * SIDE * SIDE).reshape(frames, SIDE, SIDE) % 3 == 0 if figure else None,
    )


def write_split(folder: Path, split: str, records: Iterable[ClipRecord], *, per_shard: int) -> Index:
    """Shards of `records` as they are, broken ones too."""
    samples = map(encode_clip, records)
    index = write_shards(folder / split, split, samples, kind="animation", per_shard=per_shard)
    index.write(folder / split)
    return index


def tiny_shards(folder: Path, counts: int, *, per_shard: int, split: str = "train") -> tuple[Path, Index]:
    """`counts` clips named s00, s01 ... in shards; the folder of the split and its index."""
    records = (tiny_record(f"s{number:02d}", frames=2, figure=False) for number in range(counts))
    index = write_split(folder, split, records, per_shard=per_shard)
    return folder / split, index

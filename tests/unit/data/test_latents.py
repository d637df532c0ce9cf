"""Training from latents is training from the pictures they were made of."""

from __future__ import annotations

import dataclasses
import itertools
import json
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from safetensors.torch import load
from upath import UPath

from data_prep.latents import Encoder, add_latents
from humangen.data.animation import AnimationData, PictureData
from humangen.data.clips import PairSampler, WholeClipSampler, WindowSampler
from humangen.data.framing import Framing
from humangen.data.index import Index
from humangen.data.latents import HEADER, read_latents
from humangen.data.schema import LATENTS, ClipRecord
from humangen.data.stream import Shelf, Stream, training_samples
from humangen.data.tars import Stored, read_shard
from humangen.diffusion.weighting import Uniform
from humangen.media import encode_video
from humangen.models.codec import PatchCodec, weights_hash
from humangen.models.pipeline import Pipeline
from humangen.tasks.animation import AnimationTask
from humangen.types import AnimationBatch, InputError
from tests.unit.models.test_encoders import tiny_clip
from tests.unit.tiny import SIDE, tiny_codec, tiny_pipeline, tiny_record, write_split

KEYS, FRAMES, WIDE = ("a", "b", "c"), 6, 96
FRAMING = Framing(height=SIDE, width=SIDE)


def picture_record(key: str) -> ClipRecord:
    """A wide clip of noise, with a person on the left of it and a frame that shows nobody."""
    pixels = np.random.default_rng(ord(key)).integers(0, 256, (FRAMES, SIDE, WIDE, 3), np.uint8)
    record = tiny_record(key, frames=FRAMES, figure=False)
    info = dataclasses.replace(record.info, width=WIDE, box=(0.1, 0.0, 0.5, 1.0))
    people = np.array([1, 1, 0, 1, 1, 1], np.uint8)
    return dataclasses.replace(record, video=encode_video(pixels, 8.0), info=info, people=people)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    for split in ("train", "val"):
        write_split(folder, split, map(picture_record, KEYS), per_shard=2)
    return folder


@pytest.fixture(scope="module")
def encoded(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoded")
    add_latents(plain, folder, Encoder(tiny_codec(), tiny_clip(), FRAMING, batch=4))
    return folder


def data(shards: Path, kind: type = AnimationData, **changes: Any) -> AnimationData:
    options = {
        "train_sampler": PairSampler(num_targets=2, margin_seconds=0.1),
        "eval_sampler": WholeClipSampler(num_frames=1, fps=8),
        "train_framing": Framing(height=SIDE, width=SIDE, flip=0.5),
        "eval_framing": FRAMING,
        "batch_size": 3,
        "eval_batch_size": 3,
        "seed": 4,
        "shuffle_buffer": 2,
    }
    return kind(shards=str(shards), **{**options, **changes})


def batches(shards: Path, count: int = 3, **changes: Any) -> list[Any]:
    module = data(shards, **changes)
    return list(itertools.islice(module.batches(module.train_dataloader()), count))


def tiny_task(pipeline: Pipeline) -> AnimationTask:
    return AnimationTask(
        pipeline=pipeline, weighting=Uniform(), drop_rate=0.3, trainable_parts="unet", seed=0,
        optimizer=torch.optim.SGD, learning_rate=partial(torch.optim.lr_scheduler.StepLR, step_size=1),
    )  # fmt: skip


@pytest.mark.parametrize("sampler", [PairSampler(num_targets=2), WindowSampler(num_frames=2, fps=8)])
@pytest.mark.parametrize("flip", [0.0, 1.0, 0.5])
@torch.no_grad()
def test_the_loss_is_that_of_the_pictures(plain: Path, encoded: Path, sampler: Any, flip: float) -> None:
    task = tiny_task(tiny_pipeline())
    changes = {"train_sampler": sampler, "train_framing": Framing(height=SIDE, width=SIDE, flip=flip)}
    for pixels, latents in zip(batches(plain, **changes), batches(encoded, **changes), strict=True):
        assert pixels.latents is None
        assert latents.latents == Index.load(encoded / "train", "animation").latents
        assert latents.keys == pixels.keys
        assert torch.equal(latents.target_pose, pixels.target_pose)
        assert torch.equal(latents.reference_pose, pixels.reference_pose)
        torch.testing.assert_close(latents.target, task.pipeline.encode_clips(pixels.target), atol=2e-3, rtol=2e-3)
        (loss, timestep), (expected, other) = (task.losses(batch, "step") for batch in (latents, pixels))
        assert torch.equal(timestep, other)
        torch.testing.assert_close(loss, expected, atol=2e-3, rtol=2e-3)


def test_no_video_is_read(encoded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClipRecord, "open", None)
    assert batches(encoded, num_workers=0)[0].target.shape == (6, 1, 4, SIDE // 8, SIDE // 8)


@pytest.mark.parametrize("workers", [0, 1])
def test_workers_read_the_same(encoded: Path, workers: int) -> None:
    for one, other in zip(batches(encoded), batches(encoded, num_workers=workers), strict=True):
        assert one.keys == other.keys
        assert torch.equal(one.reference, other.reference)


def test_evaluation_and_a_codec_that_learns_see_pixels(plain: Path, encoded: Path) -> None:
    modules = [data(folder) for folder in (encoded, plain)]
    (batch,), (expected,) = (list(module.batches(module.val_dataloader())) for module in modules)
    assert batch.latents is None
    assert torch.equal(batch.target, expected.target)
    for pictures, others in zip(batches(encoded, kind=PictureData), batches(plain, kind=PictureData), strict=True):
        assert torch.equal(pictures.pixels, others.pixels)


def test_latents_of_another_codec_are_refused_with_the_command(encoded: Path) -> None:
    batch, other = batches(encoded)[0], PatchCodec(channels=4, widths=(16, 16), groups=8)
    pipeline = tiny_pipeline()
    pipeline.codec = other
    with pytest.raises(InputError, match="python -m data_prep latents .*--size 64x64") as refusal:
        tiny_task(pipeline).losses(batch, 0)
    for codec in (other, tiny_codec()):
        assert weights_hash(codec) in str(refusal.value)


@torch.no_grad()
def test_tokens_of_the_reference_are_those_of_its_picture(plain: Path, encoded: Path) -> None:
    pipeline = tiny_pipeline()
    pipeline.image_encoder = tiny_clip()
    for pixels, latents in zip(batches(plain), batches(encoded), strict=True):
        (reference, _), (expected, _) = pipeline.encode(latents), pipeline.encode(pixels)
        torch.testing.assert_close(reference.tokens, expected.tokens, atol=2e-3, rtol=2e-3)


def test_latents_without_the_tokens_that_a_model_needs_are_refused(encoded: Path) -> None:
    batch = batches(encoded)[0]
    assert isinstance(batch, AnimationBatch)
    pipeline = tiny_pipeline()
    pipeline.image_encoder = tiny_clip()
    batch.latents = dataclasses.replace(batch.latents, image_encoder=None)
    with pytest.raises(InputError, match=f"image encoder None.*{weights_hash(tiny_clip())}.*--image-encoder FOLDER"):
        pipeline.encode(batch)


@pytest.mark.parametrize(("framing", "message"), [
    (Framing(height=SIDE, width=SIDE, scale=(0.5, 1.0)), "scaled by 0.5 to 1"),
    (Framing(height=32, width=SIDE), "--size 32x64"),
])  # fmt: skip
def test_views_that_latents_do_not_hold_are_refused(encoded: Path, framing: Framing, message: str) -> None:
    with pytest.raises(InputError, match=message):
        data(encoded, train_framing=framing).train_dataloader()


def damaged(encoded: Path, folder: Path, damage: Any) -> Path:
    """The shards once more with the latents of b damaged."""
    split = encoded / "train"
    (folder / "train").mkdir(parents=True)
    for name in ("000000.tar", "000001.tar"):
        content = bytearray((split / name).read_bytes())
        for _, sample in read_shard(UPath(split / name)):
            member = sample[LATENTS]
            if sample["__key__"] == "b":
                whole = bytes(content[member.offset : member.offset + member.size])
                content[member.offset : member.offset + member.size] = damage(whole).ljust(member.size, b"\0")
        (folder / "train" / name).write_bytes(content)
    (folder / "train" / "index.json").write_bytes((split / "index.json").read_bytes())
    return folder


@pytest.mark.parametrize("damage", [
    lambda whole: b"",
    lambda whole: b"text" * 30,
    lambda whole: whole[:40],
    lambda whole: whole[:8] + b"[1, 2]",
    lambda whole: whole.replace(b'"mean"', b'"main"'),
    lambda whole: whole.replace(b'"F16"', b'"I16"'),
    lambda whole: whole.replace(b"[2,6,4,8,8]", b"[2,4,6,8,8]"),
    lambda whole: whole.replace(b"[2,6,4,8,8]", b"[2,6,4,9,8]"),
])  # fmt: skip
def test_broken_latents_are_counted_and_passed_over(encoded: Path, tmp_path: Path, damage: Any) -> None:
    for batch in batches(damaged(encoded, tmp_path, damage), 2):
        assert sorted({key.split("@")[0] for key in batch.keys}) == ["a", "c"]
        assert len(batch.drawn.skipped) == 1
        assert "sample b" in batch.drawn.skipped[0]


def test_a_sample_without_latents_is_passed_over(plain: Path, encoded: Path, tmp_path: Path) -> None:
    folder = write_split(tmp_path, "train", map(picture_record, KEYS), per_shard=3) and tmp_path
    index = Index.load(folder / "train", "animation")
    latents = Index.load(encoded / "train", "animation").latents
    dataclasses.replace(index, latents=latents).write(folder / "train")
    with pytest.raises(InputError, match=r"every sample.*sample .: latents.safetensors is not there"):
        batches(folder)


def test_what_is_read_is_what_is_stored_and_nothing_else(encoded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    original = Stored.read_from

    def counted(self: Stored, file: BinaryIO, pieces: list[tuple[int, int]]) -> list[bytes]:
        asked.extend(stop - start for start, stop in pieces)
        return original(self, file, pieces)

    _, sample = next(read_shard(UPath(encoded / "train" / "000000.tar")))
    member = sample[LATENTS]
    with member.opened() as read:
        stored = load(read([(0, member.size)])[0])
    monkeypatch.setattr(Stored, "read_from", counted)
    for mirrored in (False, True):
        found = read_latents(member, {"mean": [4, 0, 4], "tokens": [1]}, FRAMES, mirrored)
        assert torch.equal(torch.from_numpy(found["mean"]), stored["mean"][int(mirrored)][[4, 0, 4]].float())
        assert torch.equal(torch.from_numpy(found["tokens"]), stored["tokens"][int(mirrored)][[1]].float())
        assert asked == [HEADER, *[stored["mean"][0, 0].nbytes] * 3, stored["tokens"][0, 0].nbytes]
        asked.clear()


def test_a_shard_that_is_gone_is_said_to_be(encoded: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="gone.tar cannot be read"),
        Stored(UPath(tmp_path / "gone.tar"), 0, 9).opened(),
    ):
        pass
    path = UPath(tmp_path / "short.tar")
    path.write_bytes(b"123")
    with pytest.raises(InputError, match="short.tar breaks off"), Stored(path, 0, 10).opened() as read:
        read([(0, 10)])


def test_a_shuffle_buffer_holds_no_latents_and_no_pictures(encoded: Path) -> None:
    index = Index.load(encoded / "train", "animation")
    left = frozenset({LATENTS, "mp4"})
    samples = training_samples(Shelf(encoded / "train", index), Stream(), seed=0, buffer=9, left=left)
    _, sample = next(samples)
    assert isinstance(sample["mp4"], Stored)
    assert isinstance(sample[LATENTS], Stored)
    assert json.loads(sample["json"])["width"] == WIDE

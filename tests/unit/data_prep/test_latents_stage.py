"""`python -m data_prep latents`: the same samples, and what the codec makes of their frames."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load
from upath import UPath

from data_prep.latents import Encoder, add_latents, latents_parser
from data_prep.shards import MANIFEST
from humangen.data.framing import Framing
from humangen.data.index import Index
from humangen.data.schema import LATENTS, decode_clip
from humangen.data.tars import Sample, read_shard
from humangen.media import encode_video, to_tensor
from humangen.models import weights
from humangen.models.codec import weights_hash
from humangen.types import InputError, LatentsInfo
from tests.unit.models.test_codec import tiny_latent_codec
from tests.unit.models.test_encoders import tiny_clip
from tests.unit.tiny import FRAMES, SIDE, tiny_codec, tiny_record, write_split

SPLITS = {"train": "ab", "val": "c", "unseen": "d"}
FRAMING = Framing(height=32, width=32)
ENCODER = Encoder(tiny_codec(), None, FRAMING, batch=3)


def record(key: str):
    """Noise, wider than high, with a person on the right."""
    wide = SIDE + 32
    pixels = np.random.default_rng(ord(key)).integers(0, 256, (FRAMES, SIDE, wide, 3), np.uint8)
    plain = tiny_record(key)
    info = dataclasses.replace(plain.info, width=wide, box=(0.6, 0.0, 1.0, 1.0))
    return dataclasses.replace(plain, video=encode_video(pixels, 8.0), info=info, figure=None)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    for split, keys in SPLITS.items():
        write_split(folder, split, map(record, keys), per_shard=1)
    (folder / "train" / MANIFEST).write_text('{"key": "a"}\n')
    return folder


@pytest.fixture(scope="module")
def encoded(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoded")
    add_latents(source, folder, ENCODER)
    return folder


def samples(folder: Path, left: frozenset[str] = frozenset()) -> list[Sample]:
    """All samples of a split, every member read."""
    shards = Index.load(folder, "animation").shards
    return [sample for shard in shards for _, sample in read_shard(UPath(folder / shard.name), left=left)]


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("split", SPLITS)
def test_samples_stay_as_they_are_and_get_latents(source: Path, encoded: Path, split: str) -> None:
    pairs = list(zip(samples(source / split), samples(encoded / split), strict=True))
    assert [before["__key__"] for before, _ in pairs] == list(SPLITS[split])
    for before, after in pairs:
        assert load(after.pop(LATENTS))["mean"].shape == (2, FRAMES, 4, 4, 4)
        assert {**before, "__url__": ""} == {**after, "__url__": ""}
    before, after = (Index.load(folder / split, "animation") for folder in (source, encoded))
    assert after.latents == LatentsInfo(weights_hash(tiny_codec()), 32, 32, 4)
    assert (after.split, after.num_samples) == (before.split, before.num_samples)
    for shard in after.shards:
        data = (encoded / split / shard.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (shard.num_bytes, shard.sha256)
    assert not [path for path in encoded.rglob("*") if path.name.startswith(".")]


def test_what_a_split_says_of_its_making_comes_along(source: Path, encoded: Path) -> None:
    assert (encoded / "train" / MANIFEST).read_bytes() == (source / "train" / MANIFEST).read_bytes()
    assert not (encoded / "val" / MANIFEST).exists()


@torch.no_grad()
def test_latents_are_those_of_the_framed_frames_as_is_and_mirrored(encoded: Path) -> None:
    for sample in samples(encoded / "train"):
        clip, stored = decode_clip(sample), load(sample[LATENTS])
        view = FRAMING(SIDE, SIDE + 32, np.random.default_rng(0), clip.info.box)
        assert view.left == 32
        pixels = to_tensor(clip.open().frames(range(FRAMES), view.picture))
        for number, each in enumerate((pixels, pixels.flip(-1))):
            torch.testing.assert_close(stored["mean"][number], tiny_codec().encode(each).half(), atol=2e-3, rtol=2e-3)
        assert set(stored) == {"mean"}
        assert stored["mean"].dtype == torch.float16


@torch.no_grad()
def test_a_codec_with_a_variance_and_an_image_encoder_leave_theirs(source: Path, tmp_path: Path) -> None:
    codec, clip = tiny_latent_codec(), tiny_clip()
    add_latents(source, tmp_path, Encoder(codec, clip, FRAMING, batch=2))
    assert Index.load(tmp_path / "val", "animation").latents == LatentsInfo(
        weights_hash(codec), 32, 32, codec.channels, weights_hash(clip)
    )
    (sample,) = samples(tmp_path / "val")
    stored, record = load(sample[LATENTS]), decode_clip(sample)
    view = FRAMING(SIDE, SIDE + 32, np.random.default_rng(0), record.info.box)
    pixels = to_tensor(record.open().frames(range(FRAMES), view.picture)).flip(-1)
    found = codec.autoencoder.encode(pixels).latent_dist
    torch.testing.assert_close(stored["mean"][1], (found.mean * 0.5).half(), atol=2e-3, rtol=2e-3)
    spread = (stored["logvar"][1].float() / 2).exp()
    torch.testing.assert_close(spread, found.std * 0.5, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(stored["tokens"][1], clip(pixels).half(), atol=2e-3, rtol=2e-3)


def test_the_same_command_writes_the_same_bytes(source: Path, encoded: Path, tmp_path: Path) -> None:
    add_latents(source, tmp_path, ENCODER)
    assert contents(tmp_path) == contents(encoded)


def test_a_broken_off_run_goes_on_with_the_next_split(source: Path, encoded: Path, tmp_path: Path, monkeypatch) -> None:
    original = Encoder.encode

    def broken(self: Encoder, sample: Sample) -> bytes:
        if sample["__key__"] == "d":
            raise KeyboardInterrupt
        return original(self, sample)

    with monkeypatch.context() as patch:
        patch.setattr(Encoder, "encode", broken)
        with pytest.raises(KeyboardInterrupt):
            add_latents(source, tmp_path, ENCODER)
    assert not (tmp_path / "unseen").exists()
    written = (tmp_path / "train" / "000000.tar").stat().st_mtime_ns
    add_latents(source, tmp_path, ENCODER)
    assert (tmp_path / "train" / "000000.tar").stat().st_mtime_ns == written
    assert contents(tmp_path) == contents(encoded)


@pytest.mark.parametrize("changes", [
    {"framing": Framing(height=64, width=32)},
    {"codec": tiny_latent_codec()},
    {"image_encoder": tiny_clip()},
])  # fmt: skip
def test_latents_of_other_settings_are_not_mixed_in(source: Path, encoded: Path, changes: dict) -> None:
    before = contents(encoded)
    with pytest.raises(InputError, match="remove it or name another --output"):
        add_latents(source, encoded, dataclasses.replace(ENCODER, **changes))
    assert contents(encoded) == before


def test_the_source_itself_is_no_output(source: Path) -> None:
    with pytest.raises(InputError, match="2 samples with other latents"):
        add_latents(source, source, ENCODER)


def test_a_folder_without_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no shards in"):
        add_latents(tmp_path, tmp_path / "out", ENCODER)


@pytest.mark.parametrize("damage", [{"video": b"none"}, {"info": {"height": 32}}])
def test_a_broken_sample_ends_it_by_name_and_leaves_no_split(tmp_path: Path, damage: dict) -> None:
    bad = record("x")
    if "info" in damage:
        damage = {"info": dataclasses.replace(bad.info, **damage["info"])}
    write_split(tmp_path / "in", "train", [record("a"), dataclasses.replace(bad, **damage)], per_shard=2)
    with pytest.raises(InputError, match="sample x"):
        add_latents(tmp_path / "in", tmp_path / "out", ENCODER)
    assert not (tmp_path / "out" / "train").exists()


def run(*arguments: object) -> None:
    """The command, as it is hooked into `python -m data_prep`."""
    top = argparse.ArgumentParser()
    latents_parser(top.add_subparsers(), lambda text: (int(text), int(text)))
    options = top.parse_args(["latents", *map(str, arguments)])
    options.run(options)


def test_the_command_takes_a_codec_from_a_folder(source: Path, tmp_path: Path) -> None:
    tiny_codec().save(tmp_path / "codec")
    run("--input", source, "--output", tmp_path / "out", "--codec", tmp_path / "codec", "--size", 32)
    assert Index.load(tmp_path / "out" / "val", "animation").latents.height == 32


@pytest.mark.parametrize("inside", ["", "vae"])
def test_the_command_takes_the_autoencoder_of_a_pipeline(source: Path, tmp_path: Path, inside: str) -> None:
    codec = tiny_latent_codec()
    codec.autoencoder.save_pretrained(tmp_path / "sd" / inside)
    run("--input", source, "--output", tmp_path / "out", "--codec", tmp_path / "sd", "--size", 32)
    assert Index.load(tmp_path / "out" / "val", "animation").latents.codec == weights_hash(codec)


def test_the_command_takes_the_codec_of_an_exported_pipeline(source: Path, tmp_path: Path) -> None:
    tiny_codec().save(tmp_path / "exported" / "vae", torch.float32)
    run("--input", source, "--output", tmp_path / "out", "--codec", tmp_path / "exported", "--size", 32)
    assert Index.load(tmp_path / "out" / "val", "animation").latents.codec == weights_hash(tiny_codec())


def test_the_command_fetches_an_autoencoder_from_the_hub(source: Path, tmp_path: Path, monkeypatch) -> None:
    asked = []

    def download(repository: str, **_: object) -> str:
        asked.append(repository)
        raise OSError("offline")

    monkeypatch.setattr(weights, "snapshot_download", download)
    with pytest.raises(InputError, match="cannot be fetched .*offline"):
        run("--input", source, "--output", tmp_path, "--codec", "stabilityai/sd-vae-ft-mse", "--size", 32)
    assert asked == ["stabilityai/sd-vae-ft-mse"]


def test_a_folder_with_other_files_is_refused_before_anything_is_encoded(source: Path, tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "mine.txt").write_text("dear to me")
    with pytest.raises(InputError, match=r"val is there, with no index.json in it: remove it or name another"):
        add_latents(source, tmp_path, ENCODER)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["mine.txt"]


def test_a_file_is_no_output(source: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("dear to me")
    with pytest.raises(InputError, match="mine is no folder"):
        add_latents(source, tmp_path / "mine", ENCODER)


@pytest.mark.parametrize(("changes", "message"), [
    ({"--codec": "nowhere"}, "no vae weights at nowhere"),
    ({"--size": 30}, "multiples of 8"),
    ({"--size": 0}, "must be positive"),
    ({"--batch": 0}, "must be positive"),
    ({"--image-encoder": "nowhere"}, "no image_encoder weights at nowhere"),
])  # fmt: skip
def test_what_cannot_be_done_is_said(source: Path, tmp_path: Path, changes: dict, message: str) -> None:
    options = {"--input": source, "--output": tmp_path, "--codec": "dancers", "--size": 32, **changes}
    with pytest.raises(InputError, match=message):
        run(*(word for pair in options.items() for word in pair))
    assert not [path for path in tmp_path.rglob("*.tar") if not path.parent.name.startswith(".")]

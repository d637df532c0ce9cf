"""Real files of every kind become shards, and a training streams them."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

import train
from data_prep.__main__ import main
from data_prep.shards import read_manifest
from humangen.checkpoint import find
from humangen.data.index import Index
from humangen.data.schema import decode_clip, decode_pair
from humangen.data.stream import Shelf, evaluation_samples
from humangen.media import decode_picture, open_video, read_picture
from tests.smoke.test_train import TINY, configured
from tests.unit.published import tiny_adapter, tiny_pipeline_folder

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "real"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not here"),
]


def prepared(monkeypatch: pytest.MonkeyPatch, source: str, raw: Path, output: Path, *more: str) -> Path:
    monkeypatch.setattr("sys.argv", ["data_prep", source, "--input", str(raw), "--output", str(output), *more])
    assert main() == 0
    return output


def samples(folder: Path, split: str, kind: str) -> list[dict]:
    return list(evaluation_samples(Shelf(folder / split, Index.load(folder / split, kind))))


def trains(folder: Path, run: Path, experiment: str, *more: str, **unet: int) -> None:
    """Twenty steps of a tiny network that starts from weights in Stable Diffusion's layout."""
    weights = tiny_pipeline_folder(run.with_name("sd15"), **unet)
    tiny = [option for option in TINY if not option.startswith("model.")]
    options = [f"experiment={experiment}", f"data.shards={folder}", "max_steps=20", "trainer.val_check_interval=20"]
    options += ["trainer=cpu", f"model.pretrained={weights}", "task.gradient_checkpointing=false"]
    train.run(configured("train", run, *tiny, *options, *more))
    assert find(run).is_file()


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return float(cv2.PSNR(one, other))


def test_a_ray_cluster_writes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    one = prepared(monkeypatch, "tiktok", REAL / "tiktok_folder", tmp_path / "one")
    other = prepared(monkeypatch, "tiktok", REAL / "tiktok_folder", tmp_path / "other", "--ray", "local")
    ray.shutdown()
    written = [path.relative_to(one) for path in sorted(one.rglob("*")) if path.is_file()]
    assert {path.name for path in written} >= {"000000.tar", "index.json", "ledger.jsonl"}
    for path in written:
        assert (one / path).read_bytes() == (other / path).read_bytes(), path


def test_tiktok_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = prepared(monkeypatch, "tiktok", REAL / "tiktok_folder", tmp_path / "shards")
    records = [decode_clip(sample) for sample in samples(folder, "train", "animation")]
    assert [record.key for record in records] == ["tiktok-001", "tiktok-002"]
    for record, name in zip(records, ("001", "002"), strict=True):
        pictures = sorted((REAL / "tiktok_folder" / name).glob("*.png"))
        frames = record.open().frames(range(len(record.keypoints)))
        assert len(frames) == len(pictures) == record.info.num_frames
        for frame, path in zip(frames, pictures, strict=True):
            assert likeness(frame, read_picture(path)) > 35
        assert record.figure is not None
        nose = record.keypoints[:, 0]
        covered = [
            mask[int(y * mask.shape[0]), int(x * mask.shape[1])]
            for mask, (x, y, _) in zip(record.figure, nose, strict=True)
        ]
        assert covered == list(record.figure.any((1, 2)))  # two of the source's masks are empty
    assert "2 of 9 of its own masks are empty" in (folder / "ledger.jsonl").read_text()
    trains(folder, tmp_path / "run", "tiktok_animation")


def test_tiktok_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = prepared(
        monkeypatch, "tiktok", REAL / "tiktok_tsv", tmp_path / "shards", "--split", "train", "--size", "256"
    )
    lines = read_manifest(folder / "train")
    assert [(line["key"], line["frames"]) for line in lines] == [(f"Custom_00{number}", 9) for number in range(3)]
    assert "train_img.tsv" in (folder / "ledger.jsonl").read_text()
    trains(folder, tmp_path / "run", "tiktok_animation")


def test_ubc_fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(REAL / "ubcfashion" / "test", raw / "train")
    (raw / "fashion_train.txt").write_bytes(b"https://example.org/fashion/ubc.mp4\r\n")
    folder = prepared(monkeypatch, "ubcfashion", raw, tmp_path / "shards", "--size", "256")
    (record,) = [decode_clip(sample) for sample in samples(folder, "train", "animation")]
    truth = open_video(raw / "train" / "ubc.mp4")
    assert record.info.num_frames == len(truth) == 380
    assert record.info.fps == pytest.approx(30000 / 1001)
    for number in (0, 57, 379):
        small = cv2.resize(
            truth.frames([number])[0], (record.info.width, record.info.height), interpolation=cv2.INTER_AREA
        )
        assert likeness(record.open().frames([number])[0], small) > 33
    body = record.keypoints[:, [0, 1, 8, 10]]  # nose, neck, hip, ankle: from top to bottom
    assert (np.diff(body[..., 1], axis=1) > 0).mean() > 0.95
    trains(folder, tmp_path / "run", "ubcfashion_animation")
    tiny_adapter().save_pretrained(tmp_path / "motion")
    stage_2 = f"init={tmp_path / 'run'}", f"model.motion={tmp_path / 'motion'}", "data.batch_size=1"
    trains(folder, tmp_path / "motion_run", "ubcfashion_motion", *stage_2)


def test_dresscode_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(REAL / "dresscode" / "upper_body", raw / "upper_body")
    shutil.copy(
        REAL / "vitonhd" / "test" / "cloth" / "00055_00.jpg", raw / "upper_body" / "images" / "048462_1.jpg"
    )  # the garment's picture is not among the real files
    (raw / "upper_body" / "train_pairs.txt").write_text("048462_0.jpg\t048462_1.jpg\n")
    for name in ("test_pairs_paired.txt", "test_pairs_unpaired.txt"):
        (raw / "upper_body" / name).unlink()
    folder = prepared(monkeypatch, "dresscode", raw, tmp_path / "shards", "--size", "256")
    (record,) = [decode_pair(sample) for sample in samples(folder, "train", "tryon")]
    assert decode_picture(record.person, "person").shape[:2] == record.region.shape
    assert 0.05 < record.region.mean() < 0.75
    assert record.parse is not None
    assert record.region[record.parse == 4].mean() > 0.95  # the worn top
    assert record.region[record.parse == 11].mean() < 0.05  # the head
    trains(folder, tmp_path / "run", "dresscode_tryon")

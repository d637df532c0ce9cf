"""Real try-on triples become shards; a network learns from them, paints, is scored, and sees nothing of the answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.shards import read_manifest
from humangen.checkpoint import load_pipeline, load_sampler
from humangen.cli.main import main as humangen
from humangen.data.framing import Framing
from humangen.data.schema import decode_pair
from humangen.data.tryon import TryOnData
from humangen.inference.tryon import try_on
from humangen.media import read_picture
from humangen.metrics.region import RegionScores
from humangen.models.tryon import TryOnPipeline
from humangen.types import TryOnBatch
from tests.slow.test_real_data import REAL, prepared, samples, trains

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not here"),
]


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The two triples as test, paired and unpaired, and once more as train."""
    raw = tmp_path / "raw"
    shutil.copytree(REAL / "vitonhd" / "test", raw / "test")
    shutil.copytree(REAL / "vitonhd" / "test", raw / "train")
    for path in (raw / "train").rglob("*"):  # other people in training, or the identities would be torn
        if path.is_file():
            path.rename(path.with_name(path.name.replace("000", "900")))
    (raw / "test_pairs.txt").write_bytes((REAL / "vitonhd" / "test_pairs.txt").read_bytes())
    (raw / "train_pairs.txt").write_text("90055_00.jpg 90057_00.jpg\n90057_00.jpg 90055_00.jpg\n")
    return prepared(monkeypatch, "vitonhd", raw, tmp_path / "shards")


def batch_of(shards: Path, order: str) -> TryOnBatch:
    framing = Framing(height=64, width=64)
    data = TryOnData(
        shards=str(shards),
        batch_size=2,
        eval_batch_size=2,
        seed=0,
        order=order,
        train_framing=framing,
        eval_framing=framing,
    )
    (batch,) = data.batches(data.test_dataloader())
    return batch


def test_vitonhd_triples(shards: Path) -> None:
    paired = [decode_pair(sample) for sample in samples(shards, "test", "tryon")]
    unpaired = [decode_pair(sample) for sample in samples(shards, "test_unpaired", "tryon")]
    assert [(each.info.identity, each.info.garment) for each in paired] == [("00055_00",) * 2, ("00057_00",) * 2]
    assert {(each.info.identity, each.info.garment) for each in unpaired} == {
        ("00055_00", "00057_00"),
        ("00057_00", "00055_00"),
    }
    for record in paired:
        name = record.info.identity
        assert record.person == (REAL / "vitonhd" / "test" / "image" / f"{name}.jpg").read_bytes()
        mask = read_picture(REAL / "vitonhd" / "test" / "agnostic-mask" / f"{name}_mask.png")[..., 0] >= 128
        np.testing.assert_array_equal(record.region, mask)
        assert record.keypoints is not None
        neck = record.keypoints[1]
        assert record.region[int(neck[1] * 1024) + 40, int(neck[0] * 768)]
    assert all(line["garment"] == line["identity"] for line in read_manifest(shards / "train"))


@pytest.mark.parametrize("channels", [4, 9], ids=["sd15", "inpainting"])
def test_a_network_learns_paints_and_sees_nothing_of_the_answer(shards: Path, tmp_path: Path, channels: int) -> None:
    run = tmp_path / "run"
    trains(shards, run, "vitonhd_tryon", "model=sd15", in_channels=channels)
    pipeline, sampler = load_pipeline(run), load_sampler(run, num_steps=2)
    assert isinstance(pipeline, TryOnPipeline)
    assert pipeline.denoiser.inpaints == (channels == 9)
    paired, unpaired = batch_of(shards, "paired"), batch_of(shards, "unpaired")
    painted, other = (try_on(pipeline, each, sampler=sampler) for each in (paired, unpaired))
    assert painted.shape == other.shape == (2, 3, 64, 64)
    assert other.isfinite().all()
    assert not torch.equal(painted, other)
    assert paired.truth is not None
    assert unpaired.truth is None
    scores = RegionScores()
    scores.update(torch.where(paired.region, painted, paired.person), paired.truth, paired.region, keys=paired.keys)
    found = scores.compute()
    assert found["max_outside"] == 0
    assert 0 < found["psnr_region"] < 60
    for order in ("paired", "unpaired"):
        output = tmp_path / f"{order}.json"
        words = f"leaks --checkpoint {run} --shards {shards} --order {order} --steps 2 --output {output}"
        humangen(words.split())
        result = json.loads(output.read_text())
        assert not result["leaks"]
        assert len(result["keys"]) == 2
        assert bool(result["errors"]) == (order == "paired")
        assert len({json.dumps(row) for row in result["errors"].values()}) <= 1

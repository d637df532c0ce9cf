"""Real try-on triples become shards; a network learns from them, paints, is scored, and sees nothing of the answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.clips import EMBEDDED, estimator_of
from data_prep.shards import read_manifest
from humangen.checkpoint import load_pipeline, load_sampler
from humangen.cli.main import main as humangen
from humangen.data.framing import Framing
from humangen.data.masks import decode_mask, region_from_mask
from humangen.data.regions import region_from_parse
from humangen.data.schema import decode_pair
from humangen.data.tryon import TryOnData
from humangen.inference.tryon import try_on
from humangen.media import decode_labels, read_picture
from humangen.metrics.region import RegionScores
from humangen.models.tryon import TryOnPipeline
from humangen.pose.files import read_person
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


def hr_viton_region(parse: np.ndarray, body: np.ndarray) -> np.ndarray:
    """What HR-VITON's drawing blanks of a person with these CIHP labels (H, W) and BODY_25 joints (25, 2) in pixels,
    bool (H, W), by its rules: thick lines without caps, and ellipses at the joints. Written with distances, so that it
    shares nothing with what is tested."""
    y, x = np.indices(parse.shape)
    span, middle = np.linalg.norm(body[5] - body[2]), (body[9] + body[12]) / 2
    unit = int(span / 16) + 1
    joints = dict(enumerate(body))
    joints |= {hip: middle + (body[hip] - middle) * span / np.linalg.norm(body[12] - body[9]) for hip in (9, 12)}

    def line(first: int, last: int, units: float) -> np.ndarray:
        (x0, y0), along = joints[first], joints[last] - joints[first]
        length = np.linalg.norm(along)
        way = ((x - x0) * along[0] + (y - y0) * along[1]) / length
        aside = np.abs((x - x0) * along[1] - (y - y0) * along[0]) / length
        return (way >= 0) & (way <= length) & (aside <= units * unit / 2)

    def ellipse(joint: int, wide: float, high: float) -> np.ndarray:
        px, py = joints[joint]
        return ((x - px) / (wide * unit)) ** 2 + ((y - py) / (high * unit)) ** 2 <= 1

    corners = [joints[number] for number in (2, 5, 12, 9)]
    edges = [
        (x - a[0]) * (b[1] - a[1]) - (y - a[1]) * (b[0] - a[0])
        for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)
    ]
    painted = np.all([edge <= 0 for edge in edges], 0) | np.all([edge >= 0 for edge in edges], 0)
    neck_x, neck_y = joints[1]
    painted |= (abs(x - neck_x) <= 5 * unit) & (y <= neck_y) & (y >= neck_y - 9 * unit)
    painted |= line(2, 9, 6) | line(5, 12, 6) | line(9, 12, 12) | line(2, 5, 12)
    painted |= ellipse(9, 3, 6) | ellipse(12, 3, 6)
    kept = np.isin(parse, (4, 13, 9, 12, 16, 17, 18, 19))
    for label, (shoulder, elbow, wrist) in {14: (5, 6, 7), 15: (2, 3, 4)}.items():
        arm = ellipse(shoulder, 5, 6) | line(shoulder, elbow, 10) | ellipse(elbow, 5, 5) | line(elbow, wrist, 10)
        painted |= arm | ellipse(wrist, 5, 5)
        kept |= (parse == label) & ~(arm | ellipse(wrist, 4, 4))
    return painted & ~kept


@pytest.mark.parametrize("name", ["12419_00", "03191_00"])
def test_the_region_of_parse_map_and_pose_is_that_of_the_official_drawing(name: str) -> None:
    """But for hair before the clothes, which is kept here: that is most of what differs."""
    folder = REAL / "vitonhd_parse" / "test"
    file, pose = folder / "image-parse-v3" / f"{name}.png", folder / "openpose_json" / f"{name}_keypoints.json"
    parse = decode_labels(file.read_bytes(), str(file))
    body = np.reshape(json.loads(pose.read_text())["people"][0]["pose_keypoints_2d"], (-1, 3))[:, :2]
    official = hr_viton_region(parse, body)
    found = region_from_parse(parse, read_person(pose, *parse.shape), "cihp", "upper")
    assert overlap(found, official) > 0.92
    hair = parse == 2
    assert overlap(found & ~hair, official & ~hair) > 0.97


@pytest.mark.parametrize("name", ["00055_00", "00057_00"])
def test_what_is_drawn_of_a_pose_covers_the_official_masks(name: str) -> None:
    """These people have no parse maps, by which head, hands and trousers would be taken off: so it is what the masks
    hold that counts, not what they leave out."""
    folder = REAL / "vitonhd" / "test"
    mask = folder / "agnostic-mask" / f"{name}_mask.png"
    official = region_from_mask(decode_mask(mask.read_bytes(), str(mask)))
    picture, estimator = read_picture(folder / "image" / f"{name}.jpg"), estimator_of(EMBEDDED, None)
    keypoints = estimator.keypoints(picture, estimator.people(picture)[0, :4])
    drawn = region_from_parse(np.zeros(official.shape, np.uint8), keypoints, "cihp", "upper")
    assert drawn[official].mean() > 0.95
    assert overlap(drawn, official) > 0.65


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())

"""Real people and garments: regions as the data set draws them, and the command from files to pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from data_prep.__main__ import main as data_prep
from data_prep.poses.base import estimator
from humangen.cli.main import main as humangen
from humangen.data.index import Index
from humangen.data.regions import region_from_parse
from humangen.data.schema import decode_pair
from humangen.data.stream import Stream, evaluation_samples
from humangen.media import decode_labels, read_picture
from humangen.pose.files import read_person
from tests.smoke.test_tryon_cli import checkpoint  # noqa: F401

REAL = Path(__file__).parents[3] / "shared" / "real"
TRIPLES, PARSED = REAL / "vitonhd" / "test", REAL / "vitonhd_parse" / "test"
KEPT = (4, 13, 9, 12, 16, 17, 18, 19)  # glasses, face, and what is worn below

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not here"),
]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def labels(path: Path) -> np.ndarray:
    return decode_labels(path.read_bytes(), str(path))


def official_style(parse: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """VITON-HD's region, bool (H, W), by its published proportions: an oracle that shares no line with ours."""
    height, width = parse.shape
    points = keypoints[:14, :2] * [width, height]
    apart = float(np.linalg.norm(points[5] - points[2]))
    middle, between = points[[8, 11]].mean(0), float(np.linalg.norm(points[11] - points[8]))
    for hip in (8, 11):
        points[hip] = middle + (points[hip] - middle) * apart / between
    r = int(apart / 16) + 1
    trunk, arms = Image.new("1", (width, height)), Image.new("1", (width, height))

    def line(image: Image.Image, one: int, other: int, thick: int) -> None:
        ImageDraw.Draw(image).line([*points[one], *points[other]], 1, width=thick * r, joint="curve")

    def disc(image: Image.Image, joint: int, across: int, down: int) -> None:
        x, y = points[joint]
        ImageDraw.Draw(image).ellipse((x - across * r, y - down * r, x + across * r, y + down * r), 1)

    for hip in (8, 11):
        disc(trunk, hip, 3, 6)
    line(trunk, 2, 8, 6)
    line(trunk, 5, 11, 6)
    line(trunk, 8, 11, 12)
    line(trunk, 2, 5, 12)
    ImageDraw.Draw(trunk).polygon([value for joint in (2, 5, 11, 8) for value in points[joint]], 1)
    x, y = points[1]
    ImageDraw.Draw(trunk).rectangle((x - 5 * r, y - 9 * r, x + 5 * r, y), 1)
    hands = np.zeros(parse.shape, bool)
    for label, (shoulder, elbow, wrist) in ((14, (5, 6, 7)), (15, (2, 3, 4))):
        disc(trunk, shoulder, 5, 6)
        way = Image.new("1", (width, height))
        for image in (arms, way):
            line(image, shoulder, elbow, 10)
            line(image, elbow, wrist, 10)
            disc(image, elbow, 5, 5)
        disc(arms, wrist, 5, 5)
        hands |= (parse == label) & ~np.array(way)
    return (np.array(trunk) | np.array(arms)) & ~hands & ~np.isin(parse, KEPT)


def test_the_drawn_region_is_the_official_one() -> None:
    """For the people with parse maps, whose official masks are not among the files."""
    found = {}
    for path in sorted((PARSED / "image-parse-v3").iterdir()):
        parse = labels(path)
        keypoints = read_person(PARSED / "openpose_json" / f"{path.stem}_keypoints.json", *parse.shape)
        ours, theirs = region_from_parse(parse, keypoints, "cihp", "upper"), official_style(parse, keypoints)
        hair = parse == 2  # which ours keeps
        found[path.stem] = overlap(ours, theirs), overlap(ours & ~hair, theirs & ~hair)
    print({name: [round(value, 3) for value in values] for name, values in found.items()})
    assert len(found) == 2
    assert all(whole > 0.87 and bald > 0.92 for whole, bald in found.values())


def test_the_drawing_covers_the_official_masks() -> None:
    """For the people with official masks, who have no parse map: shapes alone, by an estimated pose, which nothing
    takes the face and the trousers out of."""
    finder = estimator("mediapipe")
    for name in ("00055_00", "00057_00"):
        picture = read_picture(TRIPLES / "image" / f"{name}.jpg")
        official = labels(TRIPLES / "agnostic-mask" / f"{name}_mask.png") >= 128
        keypoints = finder.keypoints(picture, finder.people(picture)[0, :4])
        shapes = region_from_parse(np.zeros(official.shape, np.uint8), keypoints, "cihp", "upper")
        print(name, round(overlap(shapes, official), 3), round(float(shapes[official].mean()), 3))
        assert overlap(shapes, official) > 0.65
        assert shapes[official].mean() > 0.95


def tryon(checkpoint: Path, output: Path, **options: object) -> None:  # noqa: F811
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    humangen(["tryon", "--checkpoint", str(checkpoint), "--steps", "1", "--output", str(output), *words])


def test_real_triples_are_painted(checkpoint: Path, tmp_path: Path) -> None:  # noqa: F811
    """In a shape that is not the model's, by the official list and masks."""
    files = {"person": TRIPLES / "image", "garment": TRIPLES / "cloth", "pairs": REAL / "vitonhd" / "test_pairs.txt"}
    for kind in ("hard", "feather_out"):
        tryon(checkpoint, tmp_path / kind, **files, mask=TRIPLES / "agnostic-mask", composite=kind)
        for name in ("00055_00+00057_00", "00057_00+00055_00"):
            person, _, _ = name.partition("+")
            truth, laid = (
                read_picture(TRIPLES / "image" / f"{person}.jpg"),
                read_picture(tmp_path / kind / f"{name}.png"),
            )
            official = labels(TRIPLES / "agnostic-mask" / f"{person}_mask.png") >= 128
            changed = (laid != truth).any(-1)
            assert changed[official].mean() > 0.9
            assert not changed[~official].any() if kind == "hard" else 0 < changed[~official].mean() < 0.1


def test_real_parse_maps_and_poses_are_enough(checkpoint: Path, tmp_path: Path) -> None:  # noqa: F811
    tryon(
        checkpoint,
        tmp_path / "out",
        person=PARSED / "image",
        garment=TRIPLES / "cloth" / "00055_00.jpg",
        parse=PARSED / "image-parse-v3",
        pose=PARSED / "openpose_json",
    )
    for name in ("12419_00", "03191_00"):
        truth = read_picture(PARSED / "image" / f"{name}.jpg")
        laid = read_picture(tmp_path / "out" / f"{name}+00055_00.png")
        parse = labels(PARSED / "image-parse-v3" / f"{name}.png")
        changed = (laid != truth).any(-1)
        assert changed[parse == 5].mean() > 0.9
        assert changed[parse == 13].mean() < 0.1


def test_real_triples_as_plain_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "raw"
    for kind, name in (("person", "image"), ("garment", "cloth"), ("mask", "agnostic-mask")):
        (raw / kind).parent.mkdir(exist_ok=True)
        (raw / kind).symlink_to(TRIPLES / name)
    (raw / "pairs.txt").write_bytes((REAL / "vitonhd" / "test_pairs.txt").read_bytes())
    words = ["data_prep", "pairs", "--input", str(raw), "--output", str(tmp_path / "shards")]
    monkeypatch.setattr("sys.argv", words)
    assert data_prep() == 0
    for split, keys in (
        ("test", {"00055_00", "00057_00"}),
        ("test_unpaired", {"00055_00-00057_00", "00057_00-00055_00"}),
    ):
        folder = tmp_path / "shards" / split
        records = [decode_pair(each) for each in evaluation_samples(folder, Index.load(folder, "tryon"), Stream())]
        assert {record.key for record in records} == keys

"""Try-on samples out of files: what is stored, where the region comes from, what is put right and what refused."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from data_prep.items import RawPair
from data_prep.pairs import make_pair
from data_prep.sources.dresscode import DressCodeSource
from data_prep.sources.vitonhd import VitonHdSource
from humangen.data.schema import PairInfo, PairRecord, decode_pair, encode_pair
from humangen.media import decode_picture, write_picture
from humangen.pose.files import read_people
from humangen.types import InputError

REAL = Path(__file__).parents[3].parent / "shared" / "real"
HEIGHT, WIDTH = 64, 48
PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
real = pytest.mark.skipif(not REAL.is_dir(), reason="no real files here")


def parse_map() -> np.ndarray:
    """A face, a top and trousers."""
    parse = np.zeros((HEIGHT, WIDTH), np.uint8)
    parse[4:14, 20:28], parse[16:40, 14:34], parse[40:60, 16:32] = 13, 5, 9
    return parse


def mask() -> np.ndarray:
    region = np.zeros((HEIGHT, WIDTH), np.uint8)
    region[14:42, 10:38] = 255
    region[20:24, 36:38] = 0
    return region


@pytest.fixture
def raw(tmp_path: Path) -> RawPair:
    places = {name: tmp_path / name / "00055_00.png" for name in ("image", "cloth", "parse", "mask")}
    for name, pixels in {"image": PIXELS, "cloth": PIXELS[::-1], "parse": parse_map(), "mask": mask()}.items():
        write_picture(places[name], pixels)
    person, garment, parse, region = places.values()
    return RawPair(
        "00055_00", "00055_00", "test", "image/00055_00.png", "upper", person, garment, parse, "cihp", mask=region
    )


def made(raw: RawPair, **changes: object) -> tuple[PairRecord, list[str]]:
    """The sample as a reader of the shards gets it, and the notes."""
    options = {"region": "own", "masks": None, "size": None, "source": "vitonhd", "keypoints": None}
    record, notes = make_pair(raw, **{**options, **changes})
    return decode_pair(encode_pair(record)), notes


def saved(path: Path, form: str, mode: str = "RGB", **options: object) -> Path:
    Image.fromarray(PIXELS).convert(mode).save(path, form, **options)
    return path


def test_files_that_can_stay_stay_byte_for_byte(raw: RawPair, tmp_path: Path) -> None:
    garment = saved(tmp_path / "worn.jpg", "jpeg", quality=80)
    record, notes = made(replace(raw, garment=garment))
    assert not notes
    assert (record.person, record.garment) == (raw.person.read_bytes(), garment.read_bytes())
    assert (record.region == (mask() > 0)).all()
    assert (record.parse == parse_map()).all()
    assert record.keypoints is None
    assert record.info == PairInfo("vitonhd", "00055_00", "test", "worn", "upper", HEIGHT, WIDTH, "cihp")


REPAIRS = [
    ("a.png", "png", "RGBA", {}, ["alpha laid on white"]),
    ("a.png", "png", "P", {}, ["colours turned from P to RGB"]),
    ("a.jpg", "jpeg", "L", {}, ["colours turned from L to RGB"]),
    ("a.jpg", "jpeg", "CMYK", {}, ["colours turned from CMYK to RGB"]),
    ("a.webp", "webp", "RGB", {"lossless": True}, ["WEBP stored as PNG"]),
]


@pytest.mark.parametrize(("name", "form", "mode", "options", "repairs"), REPAIRS)
def test_what_cannot_stay_is_put_right_and_said(raw, tmp_path, name, form, mode, options, repairs) -> None:
    path = saved(tmp_path / name, form, mode, **options)
    record, notes = made(replace(raw, person=path))
    assert notes == [f"{tmp_path.name}/{name}: {repair}" for repair in repairs]
    with Image.open(io.BytesIO(record.person)) as opened:
        assert (opened.format, opened.mode, opened.size) == ("PNG", "RGB", (WIDTH, HEIGHT))
    assert (decode_picture(record.person, "stored") == decode_picture(path.read_bytes(), "raw")).all()


@pytest.mark.parametrize("grey", [True, False])
def test_sixteen_bits_are_brought_to_eight(raw: RawPair, tmp_path: Path, grey: bool) -> None:
    """PIL takes a colour picture of 16 bits for one of 8: only the header tells."""
    deep = PIXELS.astype(np.uint16) * 257
    assert cv2.imwrite(str(tmp_path / "deep.png"), deep[..., 0] if grey else deep[..., ::-1])
    record, notes = made(replace(raw, person=tmp_path / "deep.png"))
    assert [note.split(": ")[1] for note in notes] == ["16 bits a channel brought to 8"]
    assert (decode_picture(record.person, "stored") == (PIXELS[..., :1] if grey else PIXELS)).all()


def test_a_turned_photograph_stands_upright(raw: RawPair, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).rotate(90, expand=True).save(tmp_path / "phone.png", exif=exif)
    record, notes = made(replace(raw, person=tmp_path / "phone.png"))
    assert [note.split(": ")[1] for note in notes] == ["turned upright by its EXIF tag"]
    assert (decode_picture(record.person, "stored") == PIXELS).all()


def test_an_extension_may_lie(raw: RawPair, tmp_path: Path) -> None:
    garment = saved(tmp_path / "worn.jpg", "png")
    record, notes = made(replace(raw, garment=garment))
    assert record.garment == garment.read_bytes()
    assert notes == [f"{tmp_path.name}/worn.jpg: holds PNG, whatever its name says"]
    assert "garment.png" in encode_pair(record)


@pytest.mark.parametrize("size", [24, 48, 96])
def test_the_shorter_side_is_as_asked(raw: RawPair, tmp_path: Path, size: int) -> None:
    write_picture(tmp_path / "wide.png", np.zeros((60, 100, 3), np.uint8))
    person = saved(tmp_path / "person.jpg", "jpeg")
    record, notes = made(replace(raw, person=person, garment=tmp_path / "wide.png"), size=size)
    height = size * HEIGHT // WIDTH
    assert decode_picture(record.person, "person").shape == (height, size, 3)
    assert decode_picture(record.garment, "garment").shape == (size, round(size / 0.6), 3)
    assert record.region.shape == record.parse.shape == (height, size) == (record.info.height, record.info.width)
    assert set(np.unique(record.parse)) == {0, 5, 9, 13}
    assert (record.person == person.read_bytes()) == (size == WIDTH)
    assert sum("enlarged" in note for note in notes) == (2 if size == 96 else 0)


def test_the_region_may_come_from_four_places(raw: RawPair, tmp_path: Path) -> None:
    drawn, notes = made(raw, region="parse")
    assert (drawn.region & (parse_map() == 5)).sum() == (parse_map() == 5).sum()
    assert notes == ["the region follows the parse map alone, hands and all: no pose with both shoulders"]
    box, notes = made(raw, region="rectangle")
    assert box.region[14:42, 10:38].sum() == box.region.sum() == 28 * 28
    assert not notes
    bare = replace(raw, mask=None)
    assert (made(bare)[0].region == drawn.region).all()
    assert made(bare)[1][0] == "the region is drawn from the parse map: the source has no mask for this person"
    assert made(bare, region="rectangle")[0].region.sum() > drawn.region.sum()
    own, notes = made(raw, masks=tmp_path / "mask")
    assert (own.region == (mask() > 0)).all()
    assert not notes


def test_a_folder_of_masks_wins_by_key_then_by_person(raw: RawPair, tmp_path: Path) -> None:
    raw, folder = replace(raw, key="00055_00-00057_00"), tmp_path / "drawn"
    assert made(raw, masks=folder)[1] == [
        f"the region is not in {folder}, which has neither 00055_00-00057_00.png nor 00055_00.png"
    ]
    for name, edge in (("00055_00", 20), ("00055_00-00057_00", 30)):
        region = np.where(np.arange(WIDTH) < edge, mask(), 0).astype(np.uint8)
        write_picture(folder / f"{name}.png", region)
        for kind in ("own", "parse", "rectangle"):
            record, notes = made(raw, masks=folder, region=kind)
            assert (record.region == (region > 0)).all()
            assert all("covers" in note for note in notes)


@pytest.mark.parametrize(("region", "words"), [("own", "a mask or a parse map"), ("parse", "has not a parse map")])
def test_without_a_region_there_is_no_sample(raw: RawPair, region: str, words: str) -> None:
    with pytest.raises(InputError, match=rf"^image/00055_00.png has no region: .*{words}.*--masks"):
        made(replace(raw, parse=None, parser=None, mask=None), region=region)


def test_labels_of_another_size_fit_only_in_the_same_shape(raw: RawPair) -> None:
    write_picture(raw.parse, np.repeat(np.repeat(parse_map(), 2, 0), 2, 1))
    record, notes = made(raw)
    assert notes == ["parse/00055_00.png: brought from 96x128 to 48x64"]
    assert (record.parse == parse_map()).all()
    write_picture(raw.mask, mask()[:-1])
    with pytest.raises(InputError, match=re.escape(f"{raw.mask} is 48x63, the person 48x64")):
        made(raw)


def test_what_is_wrong_is_said_with_the_file(raw: RawPair) -> None:
    grey = np.where(mask()[..., None] > 0, 128, PIXELS).astype(np.uint8)
    for levels, words in ((255 - mask(), ": the region seems inverted: it holds 74.7%"), (grey, "is no mask")):
        write_picture(raw.mask, levels)
        with pytest.raises(InputError, match=re.escape(f"{raw.mask}") + f" ?{words}"):
            made(raw)
    write_picture(raw.parse, np.full((HEIGHT, WIDTH, 3), 200, np.uint8))
    with pytest.raises(InputError, match=re.escape(f"{raw.parse} holds 200")):
        made(raw)
    with pytest.raises(InputError, match="no visible keypoint"):
        made(replace(raw, parse=None), keypoints=np.zeros((128, 3), np.float32))
    raw.person.write_bytes(raw.person.read_bytes()[:2000])
    with pytest.raises(InputError, match=re.escape(str(raw.person))):
        made(raw)
    raw.person.unlink()
    with pytest.raises(InputError, match="no picture at"):
        made(raw)


@real
def test_real_triples_with_their_own_regions() -> None:
    for raw in VitonHdSource(REAL / "vitonhd").discover()[0]:
        record, notes = made(raw)
        assert not notes
        assert record.person == raw.person.read_bytes()
        assert 0.25 < record.region.mean() < 0.41
        small, notes = made(raw, size=384, region="rectangle")
        assert not notes
        assert small.region.shape == (512, 384)


@real
def test_real_people_with_drawn_regions(tmp_path: Path) -> None:
    """Garment, neck and arms but for the fingers are covered; head and skirt or trousers are kept."""
    folder = Path(shutil.copytree(REAL / "vitonhd_parse", tmp_path / "vitonhd"))
    for name in ("12419_00", "03191_00", "01944_00", "00349_00"):
        write_picture(folder / "test" / "cloth" / f"{name}.jpg", PIXELS)
    pairs, problems = VitonHdSource(folder).discover()
    assert len(pairs) == 4
    assert not problems
    for raw in pairs:
        record, notes = made(raw, region="parse", keypoints=read_people(raw.pose, 1024, 768)[0])
        assert not notes
        assert 0.25 < record.region.mean() < 0.4
        shares = {label: record.region[record.parse == label].mean() for label in np.unique(record.parse)}
        assert shares[5] == shares[10] == 1
        assert shares[2] == shares[13] == shares.get(9, 0) == shares.get(12, 0) == 0
        assert all(0.6 < shares[arm] < 0.99 for arm in (14, 15))


@real
def test_a_real_person_of_dresscode(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(REAL / "dresscode", tmp_path / "dresscode"))
    for name in ("048462", "049951"):
        write_picture(folder / "upper_body" / "images" / f"{name}_1.jpg", PIXELS)
    raw = DressCodeSource(folder).discover()[0][0]
    keypoints = read_people(raw.pose, 1024, 768)[0]
    for category, least in (("upper", 0.1), ("lower", 0.1), ("dress", 0.2)):
        record, notes = made(replace(raw, category=category), region="parse", keypoints=keypoints)
        assert not notes
        assert least < record.region.mean() < 0.3
        shares = {label: record.region[record.parse == label].mean() for label in np.unique(record.parse)}
        assert all(shares[kept] == 0 for kept in (2, 9, 10, 16))
        assert shares[12] == (category != "upper")
        assert shares[4] == (category != "lower")

"""`humangen tryon` as a user types it: single pictures, folders, lists, again and again, on good and bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from humangen.cli.main import main as humangen
from humangen.data.dancers import Dance, Dancer, draw, draw_flat_garment
from humangen.inference.finished import settings_of
from humangen.media import read_picture, write_picture
from humangen.models.pretrained import SHIPPED
from humangen.models.tryon import TryOnPipeline

SIZES = {"anna": (161, 97), "berta": (128, 128), "clara": (64, 75)}  # height, width


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    return SHIPPED["shipped_tryon"]


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """Three people of different sizes with masks and poses, and two garments."""
    for number, (name, size) in enumerate(SIZES.items()):
        drawing = draw(Dancer.from_seed(number), Dance.from_seed(number), 0.0, *size)
        write_picture(tmp_path / "person" / f"{name}.png", drawing.picture)
        np.savez(tmp_path / f"{name}.npz", keypoints=drawing.keypoints[None])
        mask = np.zeros(size, np.uint8)
        mask[size[0] // 4 : size[0] * 3 // 4, size[1] // 4 : -size[1] // 4] = 255
        write_picture(tmp_path / "mask" / f"{name}_mask.png", mask)
    for number, name in enumerate(("red", "blue")):
        write_picture(tmp_path / "garment" / f"{name}.png", draw_flat_garment(Dancer.from_seed(number), 96, 80))
    return tmp_path


def tryon(room: Path, checkpoint: Path | str, **changes: object) -> int:
    """The exit code; of several values, each is a word."""
    options = {"person": room / "person", "garment": room / "garment", "mask": room / "mask", "output": room / "out",
               "checkpoint": checkpoint, "steps": 1} | changes  # fmt: skip
    words = ["tryon"]
    for name, value in options.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        words += [] if value is None else [f"--{name}", *(str(each) for each in values if each is not True)]
    try:
        humangen(words)
    except SystemExit as stop:
        return int(str(stop.code))
    return 0


def single(room: Path, checkpoint: Path | str, name: str = "anna", **changes: object) -> int:
    files = {"person": room / "person" / f"{name}.png", "garment": room / "garment" / "red.png"}
    return tryon(room, checkpoint, **files | {"mask": room / "mask" / f"{name}_mask.png"} | changes)


def region(room: Path, name: str) -> np.ndarray:
    return read_picture(room / "mask" / f"{name}_mask.png")[..., 0] > 0


def test_untouched_pixels_are_those_of_the_file(room: Path, checkpoint: Path) -> None:
    for kind in ("none", "hard", "feather_out"):
        assert tryon(room, checkpoint, garment=room / "garment" / "red.png", composite=kind, output=room / kind) == 0
    for name, size in SIZES.items():
        truth, inside = read_picture(room / "person" / f"{name}.png"), region(room, name)
        none, hard, feather = (
            read_picture(room / kind / f"{name}+red.png") for kind in ("none", "hard", "feather_out")
        )
        assert none.shape == (*size, 3)
        for laid in (hard, feather):
            np.testing.assert_array_equal(laid[inside], none[inside])
        np.testing.assert_array_equal(hard[~inside], truth[~inside])
        assert not (feather != truth).any(-1)[: size[0] // 4 - 3].any()
        assert (feather != hard).any()
        assert (none != truth).any(-1)[~inside].any()


def test_what_is_under_the_region_changes_nothing(room: Path, checkpoint: Path) -> None:
    red = {"garment": room / "garment" / "red.png"}
    assert tryon(room, checkpoint, **red, output=room / "one") == 0
    for name, size in SIZES.items():
        path, other = room / "person" / f"{name}.png", np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
        write_picture(path, np.where(region(room, name)[..., None], other, read_picture(path)))
    assert tryon(room, checkpoint, **red, output=room / "other") == 0
    for name in SIZES:
        one, other = (read_picture(room / kind / f"{name}+red.png") for kind in ("one", "other"))
        np.testing.assert_array_equal(one, other)


def test_batches_and_their_order_make_no_difference(
    room: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a garment on several people is read once."""
    read: list[int] = []
    encode = TryOnPipeline.encode_garment
    monkeypatch.setattr(
        TryOnPipeline, "encode_garment", lambda self, garment: read.append(len(garment)) or encode(self, garment)
    )
    assert tryon(room, checkpoint, output=room / "three", batch=3) == 0
    assert read == [1, 1]
    read.clear()
    people = [room / "person" / f"{name}.png" for name in reversed(SIZES)]
    assert tryon(room, checkpoint, person=people, output=room / "one", batch=1) == 0
    assert read == [1] * 6
    names = sorted(path.name for path in (room / "three").iterdir())
    assert names == sorted(f"{person}+{garment}.png" for person in SIZES for garment in ("red", "blue"))
    for name in names:
        one, three = (read_picture(room / kind / name).astype(int) for kind in ("one", "three"))
        assert np.abs(one - three).max() <= 1
    assert (read_picture(room / "one" / "anna+red.png") != read_picture(room / "one" / "anna+blue.png")).any()


def test_a_list_goes_on_where_it_stopped(room: Path, checkpoint: Path, capsys: pytest.CaptureFixture) -> None:
    (room / "pairs.txt").write_text("# first\nanna.png\tred.png\n\nberta.png blue.png\n")
    pairs = {"pairs": room / "pairs.txt"}
    assert tryon(room, checkpoint, **pairs) == 0
    assert "2 painted" in capsys.readouterr().out
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (room / "out").iterdir()}
    again = room / "out" / "anna+red.png"
    first = read_picture(again).astype(int)
    again.unlink()
    assert tryon(room, checkpoint, **pairs) == 0
    assert "1 painted, 1 were there" in capsys.readouterr().out
    assert set(before) == set((room / "out").iterdir())
    assert np.abs(read_picture(again) - first).max() <= 1  # alone it is computed in another order
    kept = room / "out" / "berta+blue.png"
    assert kept.stat().st_mtime_ns == before[kept][0]
    assert tryon(room, checkpoint, **pairs, seed=1) == 2
    told = capsys.readouterr().err
    assert "anna+red.png is there, painted with another seed: name another --output, or --overwrite" in told
    assert told.endswith("error: 2 of 2 pictures could not be painted, for the reasons above\n")
    assert kept.read_bytes() == before[kept][1]
    assert tryon(room, checkpoint, **pairs, seed=1, overwrite=True) == 0
    assert kept.read_bytes() != before[kept][1]
    assert (settings_of(kept) or {})["seed"] == 1
    write_picture(room / "person" / "berta.png", read_picture(room / "person" / "berta.png")[::-1])
    assert tryon(room, checkpoint, **pairs, seed=1) == 2
    assert "berta+blue.png is there, painted with another person" in capsys.readouterr().err


def test_a_picture_is_of_its_precision(room: Path, checkpoint: Path, capsys: pytest.CaptureFixture) -> None:
    output = room / "one.png"
    assert single(room, checkpoint, output=output) == 0
    exact = read_picture(output).astype(int)
    assert single(room, checkpoint, output=output, precision="bfloat16") == 2
    assert "painted with another precision" in capsys.readouterr().err
    assert single(room, checkpoint, output=output, precision="bfloat16", overwrite=True) == 0
    assert 0 < np.abs(read_picture(output).astype(int) - exact).max() < 16
    assert (settings_of(output) or {})["precision"] == "bfloat16"


def test_bad_items_are_told_and_the_rest_is_painted(
    room: Path, checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    (room / "mask" / "clara_mask.png").unlink()
    (room / "garment" / "broken.png").write_bytes(b"not a picture")
    alpha = np.zeros((40, 30, 4), np.uint8)
    Image.fromarray(alpha).save(room / "garment" / "clear.png")
    lines = ["anna.png red.png", "anna.png", "anna.png red.png blue.png", "nobody.png red.png", "clara.png red.png",
             "anna.png broken.png", "anna.png red.png", "berta.png clear.png", "anna.png none.png"]  # fmt: skip
    (room / "pairs.txt").write_text("\n".join(lines))
    assert tryon(room, checkpoint, pairs=room / "pairs.txt", batch=4) == 2
    told = capsys.readouterr().err
    for number, words in [
        (2, "'anna.png' is not the file names of a person and of a garment"),
        (3, "'anna.png red.png blue.png' is not the file names"),
        (4, "nobody.png"),
        (5, "no mask of clara.png in"),
        (6, "broken.png is not a picture that can be read"),
        (7, "the same pair as"),
        (9, "none.png"),
    ]:
        (line,) = [line for line in told.splitlines() if f"pairs.txt line {number}: " in line]
        assert line.startswith("error: ")
        assert words in line
    assert f"note: {room}/garment/clear.png: its transparency is laid on white" in told
    assert "Traceback" not in told
    assert "error: 7 of 9 pictures could not be painted" in told
    assert sorted(path.name for path in (room / "out").iterdir()) == ["anna+red.png", "berta+clear.png"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"person": "nowhere.png"}, "no picture at nowhere.png"),
        ({"mask": "nowhere.png"}, "no picture at nowhere.png"),
        ({"mask": None}, "none is given"),
        ({"rectangle": (0, 0, 5, 5)}, "--mask and --rectangle are too many"),
        ({"mask": None, "rectangle": (0, 0, 500, 5)}, "--rectangle 0 0 500 5 is no LEFT TOP RIGHT BOTTOM within"),
        ({"pose": "nowhere.json"}, "no pose file at nowhere.json"),
        ({"output": "out.jpg"}, "--output out.jpg must end in .png"),
        ({"pairs": "pairs.txt"}, "--person and --garment must be one folder each"),
        ({"checkpoint": "nowhere"}, "no checkpoint at nowhere"),
        ({"checkpoint": "shipped"}, "was trained to animate; name a try-on checkpoint"),
        ({"size": (100, 90)}, "multiples of"),
        ({"solver": "magic"}, "no solver 'magic'"),
    ],
)
def test_bad_input_is_one_sentence(
    room: Path, checkpoint: Path, capsys: pytest.CaptureFixture, changes: dict, sentence: str
) -> None:
    assert single(room, changes.pop("checkpoint", checkpoint), **{"output": room / "out.png"} | changes) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("note: ")]
    assert len(error) == 1
    assert error[0].startswith("error: ")
    assert sentence in error[0]
    assert not (room / "out.png").exists()


def test_one_picture_is_not_for_several(room: Path, checkpoint: Path, capsys: pytest.CaptureFixture) -> None:
    assert tryon(room, checkpoint, output=room / "out.png") == 2
    assert "is one picture, and 6 are to be painted: name a folder" in capsys.readouterr().err
    assert tryon(room, checkpoint, mask=room / "mask" / "anna_mask.png") == 2
    assert "anna_mask.png is one mask for 3 people" in capsys.readouterr().err


def test_a_pose_makes_a_difference_and_a_rectangle_is_a_region(room: Path, checkpoint: Path) -> None:
    assert single(room, checkpoint, mask=None, rectangle=(20, 40, 70, 120), output=room / "a.png") == 0
    assert single(
        room, checkpoint, mask=None, rectangle=(20, 40, 70, 120), pose=room / "anna.npz", output=room / "b.png"
    ) == 0  # fmt: skip
    first, second = read_picture(room / "a.png"), read_picture(room / "b.png")
    truth = read_picture(room / "person" / "anna.png")
    assert (first != second).any()
    assert ((first != truth).any(-1).nonzero()[0] >= 40 - 2).all()


def test_animate_refuses_a_network_for_tryon(room: Path, checkpoint: Path, capsys: pytest.CaptureFixture) -> None:
    words = ["--reference", str(room / "person" / "anna.png"), "--poses", "dancer:1", "--frames", "1"]
    with pytest.raises(SystemExit):
        humangen(["animate", *words, "--checkpoint", str(checkpoint), "--output", str(room / "out.mp4")])
    assert "was trained for try-on; name an animation checkpoint" in capsys.readouterr().err

"""`humangen leaks` as a user types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from data_prep.sources.dancers_tryon import DancersTryOnSource
from humangen.cli.main import main as humangen
from humangen.media import write_picture
from humangen.models import tryon
from humangen.models.pretrained import SHIPPED


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    return SHIPPED["shipped_tryon"]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    DancersTryOnSource(people=1, held_out=2, height=96, width=96).write(folder, workers=1)
    return folder


def leaks(checkpoint: Path, **options: object) -> int:
    """The exit code."""
    given = {"checkpoint": checkpoint, "steps": 1} | options
    words = ["leaks", *(word for name, value in given.items() for word in (f"--{name}", str(value)))]
    try:
        humangen([*words, "--size", "64", "64"])
    except SystemExit as stop:
        return int(str(stop.code))
    return 0


GRADIENT = "gradient of the loss around the region"


@pytest.mark.parametrize(("loss", "passed"), [("region", True), ("whole", None), (None, None)])
def test_the_loss_is_the_one_that_the_model_had(
    checkpoint: Path,
    shards: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    loss: str | None,
    passed: bool | None,
) -> None:
    """And of weights that do not say it nothing is said."""
    folder, output = tmp_path / "weights", tmp_path / "leaks.json"
    shutil.copytree(checkpoint, folder)
    config = json.loads((folder / "config.json").read_text())
    assert config.pop("loss") == "region"
    (folder / "config.json").write_text(json.dumps(config | ({} if loss is None else {"loss": loss})))
    assert leaks(folder, shards=shards, output=output, samples=1) == 0
    result = json.loads(output.read_text())
    (gradient,) = [finding for finding in result["findings"] if finding["name"] == GRADIENT]
    assert (result["loss"], gradient["passed"]) == (loss, passed)
    assert (gradient["found"] is None) == (loss is None)
    assert (gradient["found"] == 0) == (loss == "region")
    assert ("with which loss it was trained" in capsys.readouterr().out) == (loss is None)


@pytest.mark.parametrize("order", ["paired", "unpaired"])
def test_an_honest_model_passes(checkpoint: Path, shards: Path, tmp_path: Path, order: str) -> None:
    output = tmp_path / "leaks.json"
    assert leaks(checkpoint, shards=shards, order=order, output=output) == 0
    result = json.loads(output.read_text())
    assert not result["leaks"]
    assert len(result["keys"]) == 2
    rows = result["errors"]
    assert set(rows) == {"as it was", "random", "another"}
    assert rows["as it was"] == rows["random"] == rows["another"]
    outlines = [finding["found"] for finding in result["findings"] if finding["name"].startswith("outline")]
    assert len(outlines) == (order == "paired")
    assert all(0.2 < found < 1 for found in outlines)


def test_a_leak_is_the_exit_code(
    checkpoint: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cells that the region does not fill are kept, and as they were."""
    whole = tryon.latent_region

    def smaller(region: object, downscale: int, dilation: int) -> object:
        return whole(~region, downscale, 0) == 0  # type: ignore[operator, arg-type]

    monkeypatch.setattr(tryon, "latent_region", smaller)
    folder = tmp_path / "leaky"
    shutil.copytree(checkpoint, folder)
    config = json.loads((folder / "config.json").read_text())
    config["pipeline"]["background"] = "person"
    (folder / "config.json").write_text(json.dumps(config))
    assert leaks(folder, shards=shards) == 1
    assert "something under the region leaks" in capsys.readouterr().out


def test_single_files(checkpoint: Path, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 90, 70, 3), np.uint8)
    mask = np.zeros((90, 70), np.uint8)
    mask[30:61, 20:51] = 255
    files = {name: tmp_path / f"{name}.png" for name in ("person", "garment", "mask")}
    for path, pixels in zip(files.values(), (*pictures, mask), strict=True):
        write_picture(path, pixels)
    assert leaks(checkpoint, **files) == 0
    assert leaks(checkpoint, person=files["person"]) == 2
    before = files["mask"].read_bytes()
    assert leaks(checkpoint, **files, output=files["mask"]) == 2
    assert files["mask"].read_bytes() == before


def test_shards_that_are_not_there(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leaks(checkpoint, shards=tmp_path) == 2
    assert "python -m data_prep dancers_tryon" in capsys.readouterr().err

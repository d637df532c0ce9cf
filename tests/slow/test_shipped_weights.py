"""What the README says of the shipped weights, on people whom no training set holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import evaluate
from tests.smoke.test_train import configured

pytestmark = pytest.mark.slow


def scored(output: Path, checkpoint: str, protocol: str) -> dict[str, Any]:
    folders = [f"painted={output / 'painted'}", f"protocol.data.source.folder={output / 'shards'}"]
    evaluate.run(configured("evaluate", output, f"checkpoint={checkpoint}", f"protocol={protocol}", *folders))
    return json.loads((output / "result.json").read_text())


def test_dancers(tmp_path: Path) -> None:
    result = scored(tmp_path, "shipped", "dancers")
    assert result["samples"] == 64
    assert result["scores"]["psnr"] > result["floors"]["repeat_reference"]["psnr"] + 7
    assert result["scores"]["psnr"] == pytest.approx(28.34, abs=0.05)
    assert result["scores"]["ssim"] == pytest.approx(0.920, abs=0.002)


def test_dancers_in_other_tops(tmp_path: Path) -> None:
    result = scored(tmp_path, "shipped_tryon", "dancers_tryon")
    assert result["samples"] == 64
    scores, without = result["scores"], result["floors"]["isolated"]
    assert scores["psnr_box"] == pytest.approx(24.12, abs=0.05)
    assert scores["psnr_box"] > without["psnr_box"] + 7
    assert scores["delta_e"] <= 6
    assert result["variants"]["hard"]["max_outside"] == 0

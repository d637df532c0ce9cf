"""Several processes paint one video as one process does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from humangen.media import open_video

pytestmark = pytest.mark.slow


def frames_of(folder: Path, name: str, launcher: list[str]) -> np.ndarray:
    options = {"--reference": folder / "reference.png", "--reference-pose": folder / "reference.npz",
               "--poses": folder / "dance.npz", "--output": folder / f"{name}.mp4",
               "--steps": 3, "--window": 8, "--guidance": 1.5, "--device": "cpu"}  # fmt: skip
    words = [str(word) for pair in options.items() for word in pair]
    subprocess.run([*launcher, str(Path(sys.executable).with_name("humangen")), "animate", *words], check=True)
    video = open_video(folder / f"{name}.mp4")
    return video.frames(range(len(video)))


def test_two_and_three_processes_paint_what_one_paints(tmp_path: Path) -> None:
    humangen = str(Path(sys.executable).with_name("humangen"))
    subprocess.run([humangen, "dancers", "--output", str(tmp_path), "--frames", "30"], check=True)
    one = frames_of(tmp_path, "one", [sys.executable])
    assert len(one) == 30
    for count in (2, 3):
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        np.testing.assert_array_equal(frames_of(tmp_path, str(count), torchrun), one)

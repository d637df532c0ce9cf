"""Several processes paint one video as one process does, with the dancers' codec and with Stable Diffusion's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from humangen.export import export
from humangen.inference.windows import windows
from humangen.media import open_video
from tests.slow.ranks_paint import FRAMES
from tests.unit.test_export import trained

pytestmark = pytest.mark.slow


def torchrun(count: int) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]


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
        np.testing.assert_array_equal(frames_of(tmp_path, str(count), torchrun(count)), one)


def test_autoencoders_in_channels_last_paint_alike_too(tmp_path: Path) -> None:
    """A folder in Stable Diffusion's layout, in the layout that CUDA's kernels take; each process holds all frames."""
    assert len(windows(FRAMES, 16, 4)) == 4
    export(trained(tmp_path, real=True), tmp_path / "sd15", torch.float32)
    for launcher in ([sys.executable], torchrun(2)):
        words = ["-m", "tests.slow.ranks_paint", str(tmp_path / "sd15"), str(tmp_path)]
        subprocess.run([*launcher, *words], check=True)
    one, *others = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("1-0", "2-0", "2-1"))
    assert one.shape == (1, FRAMES, 3, 64, 64)
    assert one[:, 1:].sub(one[:, :-1]).abs().mean() > 1e-3
    for other in others:
        assert torch.equal(one, other)

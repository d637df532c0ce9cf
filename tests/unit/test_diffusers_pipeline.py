"""An exported folder as diffusers calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, DPMSolverMultistepScheduler, EulerDiscreteScheduler
from PIL import Image

from humangen.media import to_tensor, to_uint8
from humangen.metrics.image import psnr
from humangen.types import InputError
from tests.conftest import PIXELS
from tests.unit.test_export import GUIDANCE, folder, modules  # noqa: F401
from tests.unit.tiny import tiny_batch


@pytest.fixture
def pipe(folder: Path, modules: None) -> DiffusionPipeline:  # noqa: F811
    return DiffusionPipeline.from_pretrained(folder, custom_pipeline=str(folder), trust_remote_code=True)


def test_pictures_of_all_kinds(pipe: DiffusionPipeline) -> None:
    batch = tiny_batch(["k"], frames=2)
    reference, pose = to_uint8(batch.reference[0]), to_uint8(batch.reference_pose[0] * 2 - 1)
    poses = to_uint8(batch.target_pose[0] * 2 - 1)
    tensors = to_tensor(reference), (to_tensor(poses) + 1) / 2, (to_tensor(pose) + 1) / 2
    arrays = reference, poses, pose
    pictures = Image.fromarray(reference), [*map(Image.fromarray, poses)], Image.fromarray(pose)
    found = [
        pipe(given[0], given[1], reference_pose=given[2], output_type="np").frames[0]
        for given in (tensors, arrays, pictures)
    ]
    assert found[0].shape == (2, PIXELS, PIXELS, 3)
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()
    keypoints = np.random.default_rng(0).random((2, 128, 3), np.float32)
    frames = pipe(pictures[0], keypoints).frames[0]
    assert [frame.size for frame in frames] == [(PIXELS, PIXELS)] * 2


def test_what_a_call_chooses(pipe: DiffusionPipeline) -> None:
    batch = tiny_batch(["k"])

    def paint(**options: Any) -> torch.Tensor:
        return pipe(batch.reference[0], batch.target_pose[0], output_type="pt", **options).frames[0]

    def long(**options: Any) -> torch.Tensor:
        poses = tiny_batch(["k"], frames=9).target_pose[0]
        return pipe(batch.reference[0], poses, output_type="pt", num_inference_steps=1, **options).frames[0]

    plain = paint()
    assert torch.equal(plain, paint(num_inference_steps=3))
    assert torch.equal(plain, paint(guidance_scale=GUIDANCE)), "as the checkpoint was configured"
    assert torch.equal(paint(generator=torch.Generator().manual_seed(1)), paint(generator=torch.manual_seed(1)))
    for change in (
        {"seed": 1},
        {"key": "other"},
        {"num_inference_steps": 2},
        {"guidance_scale": 2.0},
        {"guidance_scale": 1.0},
    ):
        assert not torch.equal(plain, paint(**change)), change
    for change in ({"window": 4}, {"window": 4, "overlap": 2}):
        assert not torch.equal(long(), long(**change)), change
    with pytest.raises(InputError, match="pure noise"):
        paint(start="reference")
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
    assert not torch.equal(plain, paint())
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    with pytest.raises(InputError, match="EulerDiscreteScheduler is no scheduler for this pipeline"):
        paint()
    with pytest.raises(InputError, match="no output_type 'mp4'"):
        pipe(batch.reference[0], batch.target_pose[0], output_type="mp4")
    with pytest.raises(InputError, match="humangen export"):
        pipe.save_pretrained("elsewhere")


def test_half_precision_in_memory(folder: Path, pipe: DiffusionPipeline) -> None:  # noqa: F811
    half = DiffusionPipeline.from_pretrained(folder, trust_remote_code=True, dtype=torch.bfloat16)
    assert half.dtype == half.unet.dtype == half.vae.dtype == half.pose_encoder.dtype == torch.bfloat16
    batch, shown = tiny_batch(["k"], frames=2), set()
    half.unet.register_forward_pre_hook(lambda _, rows: shown.add(rows[0].dtype))
    frames = [each(batch.reference[0], batch.target_pose[0], output_type="pt").frames[0] for each in (half, pipe)]
    assert shown == {torch.float32}, "latents are not rounded between steps"
    assert 40 < psnr(*frames).min() < 100

"""What a CUDA device must give as well: the cache's exactness, and a training step in bfloat16."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from humangen.attention.spatial import MaskedJoint
from humangen.callbacks.flops import ModelFlops
from humangen.callbacks.stopwatch import PHASES, CudaMark
from humangen.callbacks.throughput import Throughput
from humangen.checkpoint import load_pipeline
from humangen.diffusion.schedule import VarianceSchedule
from humangen.diffusion.weighting import MinSnr
from humangen.metrics.image import psnr
from humangen.models.codec import PatchCodec
from humangen.models.image_encoder import NoImageEncoder
from humangen.models.pipeline import Pipeline
from humangen.models.recording import record_passes
from humangen.models.speed import compute_in, precision_on
from humangen.tasks.animation import AnimationTask
from humangen.types import AnimationBatch, Condition, Reference
from tests.conftest import PIXELS, WIDTH, tiny_denoiser, tiny_inputs
from tests.unit.models.test_precision import paint

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture
def exact_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN rounds float32 convolutions to TF32 unless told otherwise."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def tiny_task(drop_rate: float) -> AnimationTask:
    """The real task around a tiny denoiser and a tiny codec of 4-channel latents."""
    pipeline = Pipeline(
        denoiser=tiny_denoiser().train(),
        codec=PatchCodec(channels=4, widths=(8, 8), groups=4),
        image_encoder=NoImageEncoder(width=WIDTH),
        schedule=VarianceSchedule(),
    )
    return AnimationTask(
        pipeline=pipeline,
        weighting=MinSnr(),
        drop_rate=drop_rate,
        trainable_parts="unet",
        seed=0,
        optimizer=partial(torch.optim.AdamW, lr=1e-3),
        learning_rate=partial(torch.optim.lr_scheduler.ConstantLR, factor=1.0),
    )


def tiny_batch(clips: int = 8, frames: int = 2) -> AnimationBatch:
    """Two references and `clips` clips of them in noise."""
    generator = torch.Generator().manual_seed(0)
    draw = partial(torch.rand, generator=generator)
    return AnimationBatch(
        keys=[f"clip{number}" for number in range(clips)],
        reference=draw(2, 3, PIXELS, PIXELS) * 2 - 1,
        reference_pose=draw(2, 3, PIXELS, PIXELS),
        target=draw(clips, frames, 3, PIXELS, PIXELS) * 2 - 1,
        target_pose=draw(clips, frames, 3, PIXELS, PIXELS),
    )


@pytest.mark.usefixtures("exact_convolutions")
@pytest.mark.parametrize("frames", [1, 3], ids=["image", "motion"])
@torch.no_grad()
def test_cached_equals_masked(frames: int) -> None:
    noisy, timestep, condition, reference = tiny_inputs(references=2, clips=4, frames=frames)
    noisy, timestep = noisy.cuda(), timestep.cuda()
    condition = Condition(condition.pose.cuda(), condition.tokens.cuda())
    reference = Reference(reference.latents.cuda(), reference.pose.cuda(), reference.tokens.cuda())
    denoiser = tiny_denoiser().cuda()
    masked = denoiser.join(noisy, timestep, condition, reference, spatial=MaskedJoint)
    cached = denoiser(noisy, timestep, condition, denoiser.read(reference))
    torch.testing.assert_close(cached, masked, rtol=0, atol=1e-4)


@torch.inference_mode()
def test_passes_that_are_played_back_paint_the_same() -> None:
    painted, played = (load_pipeline("shipped").cuda() for _ in range(2))
    record_passes(played.denoiser)
    one, other = paint(painted), paint(played)
    torch.testing.assert_close(other.frames, one.frames)
    assert len(other.predicted) == len(one.predicted)
    for prediction, expected in zip(other.predicted, one.predicted, strict=True):
        torch.testing.assert_close(prediction, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("drop_rate", [0.0, 0.5, 1.0], ids=["no", "some", "all"])
def test_one_training_step_in_bfloat16(drop_rate: float, tmp_path: Path) -> None:
    task = tiny_task(drop_rate)
    before = {name: value.clone() for name, value in task.network.named_parameters()}
    trainer = L.Trainer(
        accelerator="gpu",
        devices=1,
        precision="bf16-mixed",
        max_steps=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(task, DataLoader([tiny_batch()], batch_size=None))
    assert trainer.global_step == 1
    assert torch.isfinite(trainer.callback_metrics["train/loss"])
    after = dict(task.network.named_parameters())
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in after.values())
    assert any((after[name].cpu() != value).any() for name, value in before.items())


def test_the_device_tells_its_own_time() -> None:
    first = CudaMark()
    torch.cuda._sleep(200_000_000)  # cycles: a tenth of a second or so, while the host goes on at once
    last = CudaMark()
    assert 0.02 < last.seconds_since(first) < 2


def test_the_backward_pass_is_counted_in_the_thread_of_the_device() -> None:
    layer = torch.nn.Linear(16, 16, device="cuda")
    with ModelFlops() as counted:
        layer(torch.ones(4, 16, device="cuda")).sum().backward()
    assert counted.total == 4 * 4 * 16**2


def test_a_run_says_where_its_time_goes(tmp_path: Path) -> None:
    speed = Throughput(every=2)
    trainer = L.Trainer(
        accelerator="gpu", devices=1, precision="bf16-mixed", max_steps=6, callbacks=[speed], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(tiny_task(0.0), DataLoader([tiny_batch()] * 6, batch_size=None))
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    split = [metrics[f"speed/{phase}_seconds"] for phase in PHASES]
    assert min(split) > 0
    assert sum(split) == pytest.approx(metrics["speed/step_seconds"], rel=1e-3)
    assert metrics["speed/tflops"] > 0
    assert 0 < metrics["speed/memory_gb"] <= speed.memory_gb


def test_inference_on_the_device_paints_what_the_cpu_does() -> None:
    pipeline = load_pipeline("shipped").cuda()
    compute_in(pipeline, precision_on("cuda"))
    convolutions = [each.weight for each in pipeline.modules() if isinstance(each, torch.nn.Conv2d)]
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in convolutions)
    exact, painted = paint(load_pipeline("shipped")), paint(pipeline)
    assert torch.equal(painted.shown[0].cpu(), exact.shown[0])  # the noise
    assert psnr((painted.frames.cpu() + 1) / 2, (exact.frames + 1) / 2).min() > 50

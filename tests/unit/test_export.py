"""A trained pipeline as a folder in diffusers' layout, and back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiffusionPipeline,
    UNetMotionModel,
)
from transformers import CLIPVisionModelWithProjection

from humangen.attention.schemes import SCHEMES
from humangen.build import build
from humangen.checkpoint import load, load_guidance, load_pipeline, load_sampler, load_weights
from humangen.diffusion.sample import Sampler
from humangen.export import export, without_places
from humangen.inference.animate import animate
from humangen.models.folder import assemble, read_parts, take_apart
from humangen.models.pipeline import Pipeline
from humangen.models.pose_encoder import PoseEncoder
from tests.conftest import WIDTH, randomise, tiny_inputs, tiny_unet
from tests.unit.test_checkpoint import saved
from tests.unit.tiny import tiny_batch, tiny_codec, tiny_pipeline

MODELS, SCHEDULE = "humangen.models", "humangen.diffusion.schedule"
ZERO_SNR = {"_target_": f"{SCHEDULE}.VarianceSchedule", "shift": 3.0}
EPSILON = {"_target_": f"{SCHEDULE}.VarianceSchedule", "prediction": "epsilon", "zero_snr": False, "beta_end": 0.02}
FLOW = {"_target_": f"{SCHEDULE}.FlowSchedule"}
GUIDANCE = 1.5
CLIP = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "image_size": 32, "patch_size": 16, "projection_dim": WIDTH}  # fmt: skip


def trained(folder: Path, scheme: str = "causal", schedule: dict = ZERO_SNR, solver: str = "ddim",
            real: bool = False, **options: Any) -> Path:  # fmt: skip
    """A checkpoint of a tiny pipeline with a codec of its own, or with an autoencoder and CLIP as a real one has."""
    codec = folder / "codec"
    if real:
        torch.manual_seed(0)
        AutoencoderKL(block_out_channels=(8, 8, 8, 8), down_block_types=["DownEncoderBlock2D"] * 4,
                      up_block_types=["UpDecoderBlock2D"] * 4, norm_num_groups=4).save_pretrained(codec)  # fmt: skip
    else:
        tiny_codec().save(codec)
    encoder = {"_target_": f"{MODELS}.image_encoder.NoImageEncoder", "width": WIDTH}
    if real:
        encoder = {"_target_": f"{MODELS}.image_encoder.ClipImageEncoder.from_config", "seed": 1, **CLIP}
    unet = {name: value for name, value in tiny_unet().config.items() if not name.startswith("_")}
    pose_encoder = {"width": 32, "channels": [4, 8, 8, 8], "position_frequencies": 2}
    join = {"_target_": f"{MODELS}.denoiser.RowDenoiser", "scheme": scheme, **options}
    if scheme == "canvas":
        join = {"_target_": f"{MODELS}.denoiser.CanvasDenoiser", **options}
    pipeline = {
        "_target_": f"{MODELS}.pipeline.Pipeline",
        "denoiser": {
            "unet": {"_target_": f"{MODELS}.unet.SpatialUNet", **unet},
            "pose_encoder": {"_target_": f"{MODELS}.pose_encoder.PoseEncoder", **pose_encoder},
            **join,
        },
        "codec": {"_target_": f"{MODELS}.pretrained.load_codec", "name": str(codec)},
        "image_encoder": encoder,
        "schedule": schedule,
    }
    sampler = {"_target_": "humangen.diffusion.sample.Sampler", "solver": solver, "num_steps": 3}
    pipeline = json.loads(json.dumps(pipeline))
    network = build(pipeline).denoiser
    randomise(network)
    config = {"pipeline": pipeline, "sampler": sampler, "guidance": GUIDANCE, "seed": 5}
    return saved(folder / "a.ckpt", network, config)


def halved(checkpoint: Path) -> Pipeline:
    """The pipeline of a checkpoint, its weights rounded to half precision."""
    pipeline = load_pipeline(checkpoint)
    pipeline.load_state_dict({name: value.half() for name, value in pipeline.state_dict().items()})
    return pipeline


def painted(pipeline: Pipeline, sampler: Sampler, guidance: float = GUIDANCE) -> torch.Tensor:
    batch = tiny_batch(["k"], frames=3)
    reference = pipeline.encode_reference(batch.reference, batch.reference_pose)
    condition = pipeline.condition(reference, batch.target_pose)
    return animate(pipeline, reference, condition, keys=["k"], sampler=sampler, guidance=guidance, seed=4)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers copies a folder's pipeline.py before it imports it; not into the home of who runs the tests."""
    monkeypatch.setattr("diffusers.utils.dynamic_modules_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))


CASES = {
    "own codec": {"reference_pose": False},
    "autoencoder and clip": {"real": True, "reference_timestep": None},
    "canvas, epsilon, dpm": {"scheme": "canvas", "schedule": EPSILON, "solver": "dpm"},
    "consistency": {"solver": "lcm"},
    "flow": {"scheme": "full", "schedule": FLOW, "solver": "euler"},
}


@pytest.mark.parametrize("scheme", [*SCHEMES, "canvas"])
def test_every_scheme_survives(scheme: str) -> None:
    pipeline = tiny_pipeline(scheme)
    parts = take_apart(pipeline, Sampler())
    found = assemble(replace(parts, denoiser=json.loads(json.dumps(parts.denoiser))))
    inputs = tiny_inputs(frames=2)
    assert torch.equal(found.denoiser(*inputs), pipeline.denoiser(*inputs))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.usefixtures("modules")
def test_an_exported_folder_paints_the_same(tmp_path: Path, case: dict) -> None:
    checkpoint, folder = trained(tmp_path, **case), tmp_path / "exported"
    export(checkpoint, folder)
    expected, found = halved(checkpoint), load_pipeline(folder)
    state = found.state_dict()
    assert state.keys() == expected.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in expected.state_dict().items())

    given = tiny_inputs(frames=2)
    assert torch.equal(expected.denoiser(*given), found.denoiser(*given))
    assert load_sampler(folder) == load_sampler(checkpoint)
    assert load_guidance(folder) == load_guidance(checkpoint) == GUIDANCE
    frames = painted(expected, load_sampler(checkpoint))
    assert torch.equal(painted(found, load_sampler(folder)), frames)
    pipe = DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)
    batch = tiny_batch(["k"], frames=3)
    inputs = {"reference": batch.reference[0], "poses": batch.target_pose[0], "reference_pose": batch.reference_pose[0]}
    called = pipe(**inputs, key="k", seed=4, output_type="pt").frames[0]
    assert torch.equal(called, (frames[0] + 1) / 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One export that tests only read."""
    place = tmp_path_factory.mktemp("export")
    export(trained(place), place / "exported")  # of place / "a.ckpt"
    return place / "exported"


def test_the_configuration_travels(folder: Path) -> None:
    checkpoint, stored = folder.parent / "a.ckpt", load(folder)
    assert stored.config == without_places(load(checkpoint).config)
    assert str(folder.parent) not in json.dumps(stored.config)
    load_weights(halved(checkpoint).denoiser, stored)  # what train.py init=FOLDER does
    assert stored.weights["unet.conv_in.weight"].dtype == torch.float16


def test_an_export_of_an_export_is_the_same(folder: Path, tmp_path: Path) -> None:
    export(folder, tmp_path / "again")
    names = sorted(each.relative_to(folder) for each in folder.rglob("*") if each.is_file())
    assert len(names) == 10
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name
        assert (folder / name).stat().st_mode & 0o044, f"{name} is for its owner alone"


def test_each_part_loads_alone(tmp_path: Path) -> None:
    checkpoint, folder = trained(tmp_path, real=True), tmp_path / "exported"
    export(checkpoint, folder)
    expected = halved(checkpoint)
    for kind, part, own in [
        (UNetMotionModel, "unet", expected.denoiser.unet),
        (PoseEncoder, "pose_encoder", expected.denoiser.pose_encoder),
        (AutoencoderKL, "vae", expected.codec.autoencoder),
        (CLIPVisionModelWithProjection, "image_encoder", expected.image_encoder.clip),
    ]:
        model, info = kind.from_pretrained(folder / part, output_loading_info=True)
        assert not any(info.values()), part
        for name, value in own.state_dict().items():
            assert torch.equal(model.state_dict()[name].float(), value), name
    scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
    assert torch.equal(scheduler.alphas_cumprod, expected.schedule.abar)
    assert scheduler.config.prediction_type == "v_prediction"
    assert scheduler.config.timestep_spacing == "trailing"


def test_no_code_of_the_folder_runs(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "pipeline.py").write_text("raise SystemExit('ran')")
    assert isinstance(load_pipeline(copy), Pipeline)


def test_a_folder_of_before_guidance_was_kept_has_none(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    index = json.loads((copy / "model_index.json").read_text())
    assert index.pop("guidance") == GUIDANCE
    (copy / "model_index.json").write_text(json.dumps(index))
    assert read_parts(copy).guidance == 1

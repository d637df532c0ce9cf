"""What a result says of how it came to be, and what is never taken for something else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from humangen.diffusion.sample import Sampler
from humangen.diffusion.schedule import FlowSchedule, VarianceSchedule
from humangen.evaluation import settings_of
from humangen.inference.painters import painter_of
from humangen.models.image_encoder import ClipImageEncoder
from humangen.models.pipeline import Pipeline
from humangen.models.vae import LatentCodec
from tests.conftest import tiny_denoiser
from tests.unit.published import tiny_autoencoder, tiny_clip
from tests.unit.tiny import tiny_pipeline, tiny_tryon_pipeline


def identity(pipeline: Pipeline, solver: str = "ddim", **options: Any) -> str:
    painter = painter_of(pipeline, Sampler(solver=solver, num_steps=2, **options))
    return json.dumps(settings_of(painter, "float32", "data"), sort_keys=True)


def changed(**parts: Any) -> Pipeline:
    pipeline = tiny_pipeline()
    for name, part in parts.items():
        setattr(pipeline, name, part)
    return pipeline


def test_what_is_kept_is_of_all_that_paints_it() -> None:
    """Equal weights, and yet other pictures."""
    one, other = tiny_autoencoder(), tiny_autoencoder()
    other.load_state_dict(one.state_dict())
    other.register_to_config(scaling_factor=0.5)
    clips = [tiny_clip(), tiny_clip()]
    next(clips[1].parameters()).data += 1
    pipelines = [
        *(tiny_pipeline(scheme) for scheme in ("causal", "full", "isolated", "reversed", "canvas")),
        changed(denoiser=tiny_denoiser(reference_timestep=None)),
        changed(denoiser=tiny_denoiser(reference_timestep=7)),
        changed(denoiser=tiny_denoiser(reference_pose=False)),
        changed(schedule=VarianceSchedule(prediction="sample")),
        changed(schedule=VarianceSchedule(zero_snr=False)),
        changed(schedule=VarianceSchedule(zero_snr=False, prediction="epsilon")),
        changed(schedule=VarianceSchedule(beta_end=0.02)),
        *(changed(codec=LatentCodec(each)) for each in (one, other)),
        *(changed(image_encoder=ClipImageEncoder(each)) for each in clips),
        *(tiny_tryon_pipeline(outside=outside) for outside in ("clean", "noised")),
        tiny_tryon_pipeline(background="person"),
        tiny_tryon_pipeline(dilation=1),
    ]
    found = [identity(pipeline) for pipeline in pipelines]
    found += [identity(changed(schedule=FlowSchedule()), "euler"), identity(tiny_pipeline(), start="reference")]
    assert len(set(found)) == len(found)
    assert found[: len(pipelines)] == [identity(pipeline) for pipeline in pipelines]


def test_what_changes_no_picture_changes_no_identity() -> None:
    assert identity(tiny_pipeline()) == identity(changed(schedule=VarianceSchedule(shift=8)))


@pytest.mark.parametrize("pipeline", [tiny_pipeline, tiny_tryon_pipeline])
def test_a_result_says_whose_every_network_was(pipeline: Any) -> None:
    settings = settings_of(painter_of(pipeline(), Sampler()), "float32", "data")
    assert settings["image_encoder_sha256"] is None
    assert settings["pipeline"]["denoiser"] == {"scheme": "causal", "reference_timestep": 0, "reference_pose": True}
    made = changed(image_encoder=ClipImageEncoder(tiny_clip()), codec=LatentCodec(tiny_autoencoder()))
    settings = settings_of(painter_of(made, Sampler()), "float32", "data")
    assert settings["image_encoder_sha256"] == made.encoder_hashes[1]
    assert "/" not in json.dumps(settings["pipeline"])

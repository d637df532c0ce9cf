"""`model=sd15` from what a user types to a network that paints, and once more from the stored configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from humangen.build import build
from humangen.checkpoint import INFERENCE
from humangen.models.denoiser import CanvasDenoiser
from humangen.models.image_encoder import ClipImageEncoder, NoImageEncoder
from humangen.models.pipeline import Pipeline
from humangen.types import InputError
from tests.unit.published import (
    tiny_adapter,
    tiny_autoencoder,
    tiny_clip,
    tiny_controlnet,
    tiny_pipeline_folder,
)

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    tiny_pipeline_folder(tmp_path / "sd15")
    tiny_autoencoder().save_pretrained(tmp_path / "mse")
    tiny_clip().save_pretrained(tmp_path / "clip")
    tiny_adapter().save_pretrained(tmp_path / "mm")
    tiny_controlnet().save_pretrained(tmp_path / "openpose")
    return tmp_path


def pipeline_config(overrides: list[str], weights: Path) -> dict[str, Any]:
    """The plain configuration of the pipeline as the train entry sees it, and as checkpoints store it."""
    typed = ["model=sd15", f"model.pretrained={weights}/sd15", *overrides, f"hydra.runtime.output_dir={weights}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=typed, return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        plain = OmegaConf.to_container(config, resolve=False)
        plain.pop("hydra")
        return OmegaConf.to_container(OmegaConf.create(plain), resolve=True)["pipeline"]


def paint(pipeline: Pipeline) -> torch.Tensor:
    """A prediction for a clip of three frames."""
    torch.manual_seed(1)
    pictures = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        reference = pipeline.encode_reference(pictures * 2 - 1, pictures)
        condition = pipeline.condition(reference, torch.rand(1, 3, 3, 64, 64))
        noisy = torch.randn(1, 3, *reference.latents.shape[1:])
        return pipeline.denoiser(noisy, torch.tensor([500]), condition, pipeline.denoiser.prepare(reference))


def test_the_folder_alone_is_enough(weights: Path) -> None:
    pipeline = build(pipeline_config([], weights)).eval()
    assert type(pipeline.image_encoder) is NoImageEncoder
    assert paint(pipeline).shape == (1, 3, 4, 8, 8)


def test_every_part_is_named_on_the_command_line_and_the_stored_configuration_builds_the_same(weights: Path) -> None:
    named = {"vae": "mse", "image_encoder.source": "clip", "motion": "mm", "controlnet": "openpose"}
    config = pipeline_config([f"model.{key}={weights / name}" for key, name in named.items()], weights)
    pipeline = build(config).eval()
    assert isinstance(pipeline.image_encoder, ClipImageEncoder)
    again = build(json.loads(json.dumps(config)), INFERENCE).eval()
    assert torch.equal(paint(again), paint(pipeline))
    assert pipeline.denoiser.state_dict().keys() == again.denoiser.state_dict().keys()


def test_a_mask_is_chosen_as_ever(weights: Path) -> None:
    assert isinstance(build(pipeline_config(["mask=canvas"], weights)).denoiser, CanvasDenoiser)


def test_a_part_that_is_not_there_is_an_input_error(weights: Path) -> None:
    for key in ("vae", "image_encoder.source", "motion", "controlnet"):
        with pytest.raises(InputError, match="no .* weights at /absent"):
            build(pipeline_config([f"model.{key}=/absent"], weights))


def test_weights_that_are_not_named_are_asked_for(weights: Path) -> None:
    with pytest.raises(InputError, match=r"name them with model\.pretrained=FOLDER or HUB ID"):
        build(pipeline_config(["model.pretrained=null"], weights))

"""`model=sd15` from what a user types to a network that paints, and once more from the stored configuration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from humangen.build import build
from humangen.checkpoint import INFERENCE, load_pipeline
from humangen.models.denoiser import CanvasDenoiser
from humangen.models.image_encoder import ClipImageEncoder, NoImageEncoder
from humangen.models.pipeline import Pipeline
from humangen.models.stored import relocated, self_contained
from humangen.types import InputError
from tests.conftest import randomise
from tests.unit.published import (
    tiny_adapter,
    tiny_autoencoder,
    tiny_clip,
    tiny_controlnet,
    tiny_pipeline_folder,
)
from tests.unit.test_checkpoint import saved

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


ALL = {"vae": "mse", "image_encoder.source": "clip", "motion": "mm", "controlnet": "openpose"}


def checkpoint_of(weights: Path, parts: dict[str, str]) -> tuple[Path, torch.Tensor]:
    """What training keeps of a pipeline of these `parts`, and what that paints."""
    config = pipeline_config([f"model.{key}={weights / name}" for key, name in parts.items()], weights)
    pipeline = build(config).eval()
    randomise(pipeline.denoiser)
    kept = {"pipeline": self_contained(config, pipeline)}
    return saved(weights / "run" / "a.ckpt", pipeline.denoiser, json.loads(json.dumps(kept))), paint(pipeline)


def assert_paints(pipeline: Pipeline, expected: torch.Tensor) -> None:
    """The same but for the last bits, which depend on where in memory weights lie."""
    torch.testing.assert_close(paint(pipeline), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("parts", [{}, ALL], ids=["folder alone", "all parts"])
def test_a_checkpoint_needs_the_frozen_networks_alone(weights: Path, parts: dict[str, str]) -> None:
    path, painted = checkpoint_of(weights, parts)
    for folder in ("mm", "openpose", *(["sd15/vae"] if parts else ["sd15/unet", "mse", "clip"])):
        shutil.rmtree(weights / folder)
    (weights / "sd15" / "unet" / "diffusion_pytorch_model.safetensors").unlink(missing_ok=True)
    assert_paints(load_pipeline(path), painted)


def test_frozen_networks_that_moved_are_asked_for_and_found(weights: Path) -> None:
    path, painted = checkpoint_of(weights, ALL)
    new = weights / "elsewhere"
    for name in ("sd15", "mse", "clip"):
        (weights / name).rename(new.with_name(f"new-{name}"))
    for name in ("mse", "sd15"):  # the one that is looked for first
        with pytest.raises(InputError, match=f"a.ckpt needs the frozen.*no .* weights at {weights}/.*--moved OLD:NEW"):
            load_pipeline(path, {str(weights / name): str(weights / f"new-{name}")})
    moved = {str(weights / name): str(weights / f"new-{name}") for name in ("sd15", "mse", "clip")}
    assert_paints(load_pipeline(path, moved), painted)
    new.mkdir()
    for name in ("sd15", "mse", "clip"):
        (weights / f"new-{name}").rename(new / name)
    assert_paints(load_pipeline(path, {f"{weights}/": f"{new}/"}), painted)
    assert_paints(load_pipeline(path, {f"{weights}": f"{new}"}), painted)


def test_only_whole_names_of_folders_move() -> None:
    node = {"codec": {"folder": "/weights/sd15", "names": ["/weights"]}, "schedule": {"shift": 3}}
    assert relocated(node, {"/weights/sd1": "/new", "/weigh": "/other"}) == node
    assert relocated(node, {"/weights": "/new"})["codec"]["folder"] == "/new/sd15"


def test_a_mask_is_chosen_as_ever(weights: Path) -> None:
    assert isinstance(build(pipeline_config(["mask=canvas"], weights)).denoiser, CanvasDenoiser)


def test_a_part_that_is_not_there_is_an_input_error(weights: Path) -> None:
    for key in ("vae", "image_encoder.source", "motion", "controlnet"):
        with pytest.raises(InputError, match="no .* weights at /absent"):
            build(pipeline_config([f"model.{key}=/absent"], weights))


def test_weights_that_are_not_named_are_asked_for(weights: Path) -> None:
    with pytest.raises(InputError, match=r"name them with model\.pretrained=FOLDER or HUB ID"):
        build(pipeline_config(["model.pretrained=null"], weights))

"""Every configuration file composes and builds."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import OmegaConf

from data_prep.__main__ import parser as preparation
from data_prep.splits import OFFICIAL, PRESETS
from humangen.build import build, check_targets
from humangen.training import task_of
from humangen.types import InputError
from tests.unit.published import tiny_pipeline_folder

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted(path.relative_to(CONF).with_suffix("").as_posix() for path in CONF.glob("*/*.yaml"))
# what the user of a file has to name, or has to choose with it
COMPANIONS = {
    "task/codec": ["experiment=dancers_codec"],
    "model/dancers_codec": ["experiment=dancers_codec"],
    "data/dancers_pictures": ["experiment=dancers_codec"],
    "sampler/euler": ["diffusion=flow"],
    "memory/24gb": ["task.optimizer._target_=torch.optim.AdamW"],  # its own needs a package for CUDA
}
NEEDS = {f"strategy/deepspeed_zero{stage}": "needs DeepSpeed" for stage in (2, 3)}  # which may not be here
EVALUATED = {"protocol"}  # groups of evaluate.py; all others are of train.py
SEPARATE = {
    "callbacks",
    "logger",
    "profiler",
    "sampler",
    "strategy",
    "trainer",
    "protocol",
}  # in neither the task nor the data


@pytest.fixture(autouse=True)
def configurations() -> Iterator[None]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def composed(overrides: list[str], folder: Path, primary: str = "train") -> dict[str, Any]:
    """The plain configuration, as the entry would see it."""
    place = f"hydra.runtime.output_dir={folder}"
    config = compose(primary, overrides=[*overrides, place], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    if primary == "evaluate":
        OmegaConf.update(config, "checkpoint", "shipped", force_add=True)
    if "model" in config and config.model.get("pretrained", "") is None:
        config.model.pretrained = str(tiny_pipeline_folder(folder / "weights"))
    plain = {key: value for key, value in config.items_ex(resolve=False) if key != "hydra"}
    resolved = OmegaConf.create(plain, flags={"allow_objects": True})
    return OmegaConf.to_container(resolved, resolve=True, throw_on_missing=True)


@pytest.mark.parametrize("file", FILES)
def test_a_file_composes_and_builds(file: str, tmp_path: Path) -> None:
    group, name = file.split("/")
    overrides = [*COMPANIONS.get(file, []), f"{group}={name}"]
    if "experiment=dancers_codec" in overrides and group != "experiment":
        overrides.remove(f"{group}={name}")  # the experiment chooses it
    config = composed(overrides, tmp_path, "evaluate" if group in EVALUATED else "train")
    check_targets(config)
    if file in NEEDS and not find_spec("deepspeed"):
        with pytest.raises(InputError, match=NEEDS[file]):
            build(config["trainer"])
        return
    if group in SEPARATE:
        node = config[group]
        for part in [node] if "_target_" in node else node.values():
            if isinstance(part, dict) and "_target_" in part and "source" not in part:
                assert build(part) is not None
        return
    config["data"].pop("source", None)
    data, task = build(config["data"]), build(config["task"])
    assert data.kind
    assert task.trainable()
    optimisation = task.configure_optimizers()
    assert optimisation["optimizer"].param_groups[0]["params"]


@pytest.mark.parametrize("loss", ["region", "whole"])
def test_a_checkpoint_says_with_which_loss_it_was_trained(loss: str, tmp_path: Path) -> None:
    config = composed(["experiment=dancers_tryon", f"loss={loss}"], tmp_path)
    assert task_of(config, None).hparams["loss"] == loss


def test_nothing_named_is_the_embedded_default(tmp_path: Path) -> None:
    config = composed([], tmp_path)
    assert config["name"] == "dancers_animation"
    assert config["pipeline"]["denoiser"]["scheme"] == "causal"
    assert config["run_dir"] == str(tmp_path)


@pytest.mark.parametrize("mask", sorted(path.stem for path in (CONF / "mask").glob("*.yaml")))
def test_a_mask_is_what_it_is_called(mask: str, tmp_path: Path) -> None:
    denoiser = composed([f"mask={mask}"], tmp_path)["pipeline"]["denoiser"]
    assert denoiser.get("scheme", "canvas") == mask
    assert denoiser["_target_"].endswith("CanvasDenoiser" if mask == "canvas" else "RowDenoiser")


def test_training_and_sampling_share_one_schedule(tmp_path: Path) -> None:
    config = composed(["diffusion=flow", "sampler=euler"], tmp_path)
    schedule = build(config["pipeline"]["schedule"])
    sampler = build(config["sampler"])
    assert len(schedule.solver(sampler.solver, sampler.num_steps).timesteps) == sampler.num_steps


@pytest.mark.parametrize("solver", ["ddim", "dpm", "lcm", "euler"])
def test_windows_of_any_length_overlap_by_a_quarter_unless_told(solver: str, tmp_path: Path) -> None:
    for experiment in ("sd15_motion", "dancers_animation"):
        chosen = [f"experiment={experiment}", f"sampler={solver}"]
        found = [build(composed([*chosen, f"frames={frames}"], tmp_path)["sampler"]) for frames in (1, 4, 16)]
        assert [(sampler.window, sampler.overlap) for sampler in found] == [(1, 0), (4, 1), (16, 4)]
        assert build(composed([*chosen, "frames=16", "sampler.overlap=7"], tmp_path)["sampler"]).overlap == 7


@pytest.mark.parametrize("key", ["sed=1", "trainer.max_stpes=3", "model.denoiser.unet.channels=3", "data.shard=x"])
def test_an_unknown_key_is_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigCompositionException, match=key.split("=")[0]):
        composed([key], tmp_path)


def test_an_unknown_choice_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(HydraException, match=r"(?s)mask/sideways.*causal"):
        composed(["mask=sideways"], tmp_path)


def test_the_files_name_no_place_on_a_machine() -> None:
    for file in FILES:
        content = yaml.safe_dump(yaml.safe_load((CONF / f"{file}.yaml").read_text()))
        assert not [line for line in content.splitlines() if ": /" in line and "override /" not in line]


def test_face_reenactment_is_driven_by_the_face_in_views_of_it(tmp_path: Path) -> None:
    config = composed(["experiment=face_reenactment", "model=dancers"], tmp_path)
    assert config["name"] == "face_reenactment"
    assert config["data"]["parts"] == ["face"]
    assert config["data"]["shards"] == "data/tiktok"
    for framing in ("train_framing", "eval_framing"):
        built = build(config["data"][framing])
        assert type(built).__name__ == "FaceFraming"
        assert (built.height, built.width) == (config["height"], config["width"])


def test_samples_are_painted_with_the_guidance_of_the_experiment(tmp_path: Path) -> None:
    config = composed(["experiment=sd15_animation"], tmp_path)
    assert build(config["callbacks"]["samples"]).guidance == config["guidance"] == 3.5


PROTOCOLS = [file.partition("/")[2] for file in FILES if file.startswith("protocol/")]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_command_of_a_protocol_makes_the_split_that_it_scores(name: str, tmp_path: Path) -> None:
    config = composed([f"protocol={name}"], tmp_path, "evaluate")["protocol"]
    assert config["definition"]["samples"] > 0
    source = config["data"]["source"]
    if "command" not in source:
        return  # drawn, by the protocol itself
    python, flag, module, *words = source["command"].split()
    assert (python, flag, module) == ("python", "-m", "data_prep")
    options = preparation().parse_args(words)
    assert options.output == config["data"]["shards"]
    if options.split in PRESETS:
        made = {PRESETS[options.split](f"{options.source}-{number}") for number in range(1, 341)}
        assert source["split"] in made
    else:
        assert options.split in OFFICIAL  # whose lists or folders name it

"""Exports that cannot be, and exported folders that are not whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler
from safetensors.torch import load_file, save_file

from humangen.checkpoint import load, load_pipeline
from humangen.export import export, export_weights
from humangen.models.folder import schedule
from humangen.models.pretrained import load_codec
from humangen.types import InputError
from tests.unit.test_checkpoint import saved
from tests.unit.test_export import trained
from tests.unit.tiny import tiny_codec


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("trained"), real=True)


@pytest.fixture(scope="module")
def exported(checkpoint: Path) -> Path:
    folder = checkpoint.parent / "exported"
    folder.mkdir()  # an empty one may be there
    export(checkpoint, folder)
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(exported, tmp_path / "spoiled"))


@pytest.mark.parametrize("part", ["unet", "pose_encoder", "vae", "image_encoder", "scheduler"])
def test_a_missing_or_broken_part_is_named(folder: Path, part: str) -> None:
    config = folder / part / ("scheduler_config.json" if part == "scheduler" else "config.json")
    config.write_text("{")
    with pytest.raises(InputError, match=f"spoiled/{part} cannot be read"):
        load_pipeline(folder)
    shutil.rmtree(folder / part)
    with pytest.raises(InputError, match=rf"spoiled/{part} is not there, and .*model_index\.json names it"):
        load_pipeline(folder)


@pytest.mark.parametrize(("part", "damage"), [
    ("pose_encoder", "no file"), ("pose_encoder", "no weights"), ("pose_encoder", "one less"),
    ("vae", "one more"), ("vae", "another shape"), ("image_encoder", "one less"), ("image_encoder", "another shape"),
    ("unet", "one less"),
])  # fmt: skip
def test_wrong_weights_are_named(folder: Path, part: str, damage: str) -> None:
    path = next((folder / part).glob("*.safetensors"))
    weights = load_file(path)
    name = sorted(name for name in weights if name.endswith("weight"))[0]
    if damage == "no file":
        path.unlink()
    elif damage == "no weights":
        path.write_bytes(b"{")
    else:
        if damage == "one less":
            del weights[name]
        else:
            weights["other" if damage == "one more" else name] = torch.zeros(3, 3)
        save_file(weights, path, {"format": "pt"})
    with pytest.raises(InputError, match=f"spoiled/{part} cannot be read as"):
        load_pipeline(folder)


@pytest.mark.parametrize(("change", "sentence"), [
    ({"unet": ["diffusers", "UNet2DModel"]}, "names UNet2DModel as unet; it can be UNetMotionModel"),
    ({"vae": [None, None]}, "names None as vae; it can be AutoencoderKL or PatchCodec"),
    ({"denoiser": {"scheme": "sideways"}}, "no mask scheme 'sideways'"),
    ({"denoiser": None}, "model_index.json"),
    ({"denoiser": {"scheme": "causal", "depth": 3}}, "depth"),
])  # fmt: skip
def test_an_index_that_names_something_else(folder: Path, change: dict, sentence: str) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | change))
    with pytest.raises(InputError, match=sentence):
        load_pipeline(folder)


@pytest.mark.parametrize("index", ["{", "[]", "{}", '{"_class_name": "StableDiffusionPipeline", "unet": ["a", "b"]}'])
def test_a_folder_of_something_else(tmp_path: Path, index: str) -> None:
    (tmp_path / "model_index.json").write_text(index)
    with pytest.raises(InputError, match=r"model_index\.json is not the index of an exported pipeline"):
        load_pipeline(tmp_path)
    with pytest.raises(InputError, match="is not a weights folder"):
        load(tmp_path)


def test_a_scheduler_of_another_process_is_refused() -> None:
    with pytest.raises(InputError, match="linear"):
        schedule(DDIMScheduler())
    with pytest.raises(InputError, match="leading"):
        schedule(DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"))
    assert schedule(FlowMatchEulerDiscreteScheduler(num_train_timesteps=500)).num_timesteps == 500


@pytest.mark.parametrize("there", ["file", "folder"])
def test_nothing_is_overwritten(checkpoint: Path, tmp_path: Path, there: str) -> None:
    output = tmp_path / "output"
    kept = output
    if there == "folder":
        output.mkdir()
        kept = output / "mine.txt"
    kept.write_text("kept")
    with pytest.raises(InputError, match="output is there already"):
        export(checkpoint, output)
    assert kept.read_text() == "kept"
    assert len([*tmp_path.rglob("*")]) == (2 if there == "folder" else 1)


def test_what_fails_leaves_nothing(checkpoint: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    content["state_dict"]["network.unet.conv_in.bias"][0] = 1e5
    torch.save(content, tmp_path / "large.ckpt")
    with pytest.raises(InputError, match=r"unet\.conv_in\.bias holds values that torch\.float16 does not"):
        export(tmp_path / "large.ckpt", tmp_path / "output")
    assert [each.name for each in tmp_path.iterdir()] == ["large.ckpt"]
    export(tmp_path / "large.ckpt", tmp_path / "output", torch.bfloat16)
    assert load(tmp_path / "output").weights["unet.conv_in.bias"].dtype == torch.bfloat16


def test_a_codec_run_gives_a_codec_folder(tmp_path: Path) -> None:
    codec = tiny_codec()
    node = {"_target_": "humangen.models.codec.PatchCodec", **codec.options}
    checkpoint = saved(tmp_path / "a.ckpt", codec, {"pipeline": None, "model": {"codec": node}})
    export(checkpoint, tmp_path / "codec", torch.float32)
    assert all(
        torch.equal(value, codec.state_dict()[name])
        for name, value in load_codec(str(tmp_path / "codec")).state_dict().items()
    )
    with pytest.raises(InputError, match="holds a codec"):
        export_weights(checkpoint, tmp_path / "weights")

"""Where files of weights are found, and which of them are read."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import save_file

from humangen.models import weights
from humangen.models.sd15 import prediction_of
from humangen.models.weights import NAMES, has_part, part_folder, read_config, read_weights, weights_file
from humangen.types import InputError


def test_safetensors_come_first_and_full_precision_before_half(tmp_path: Path) -> None:
    order = [
        "diffusion_pytorch_model.safetensors",
        "diffusion_pytorch_model.fp16.safetensors",
        "diffusion_pytorch_model.bin",
        "diffusion_pytorch_model.fp16.bin",
    ]
    assert [name for name in NAMES if name in order] == order
    for name in reversed(order):
        (tmp_path / name).touch()
        assert weights_file(tmp_path) == tmp_path / name


def test_a_folder_without_weights_says_which_it_wants(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}.*diffusion_pytorch_model.safetensors"):
        weights_file(tmp_path)


@pytest.mark.parametrize("name", ["/absent/sd15", "./sd15", "~/absent/sd15", "a/b/c", "sd15", "weights/absent", "../x"])
def test_a_path_that_is_not_there_is_refused_at_once(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    monkeypatch.setattr(weights, "snapshot_download", None)  # never called
    with pytest.raises(InputError, match=f"no unet weights at {name}: there is no such file or folder"):
        part_folder(name, "unet")


def test_a_hub_id_without_a_network_is_refused_in_words() -> None:
    begun = time.monotonic()
    with pytest.raises(InputError, match=r"owner/absent.*as a Hugging Face hub id.*check the name and the network"):
        part_folder("owner/absent", "unet")
    assert time.monotonic() - begun < 5


class Hub:
    """A repository that gives what the patterns name."""

    def __init__(self, root: Path, files: dict[str, str]) -> None:
        self.root, self.files, self.asked = root, files, []

    def __call__(self, repository: str, allow_patterns: list[str]) -> str:
        if repository != "owner/name":
            raise LocalEntryNotFoundError("not there")
        for name in set(allow_patterns) & set(self.files):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(self.files[name])
        return str(self.root)


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("unet", {"unet/config.json", "unet/diffusion_pytorch_model.fp16.safetensors"}),
        ("vae", {"vae/config.json", "vae/diffusion_pytorch_model.bin"}),
    ],
)
def test_of_a_hub_id_only_what_is_needed_is_fetched(part: str, wanted: set[str], tmp_path: Path, monkeypatch) -> None:
    names = [
        *(f"unet/{name}" for name in ("config.json", "diffusion_pytorch_model.bin")),
        *(f"unet/diffusion_pytorch_model.{kind}.safetensors" for kind in ("fp16", "non_ema")),
        *(f"vae/{name}" for name in ("config.json", "diffusion_pytorch_model.bin")),
        *("v1-5-pruned.ckpt", "model_index.json"),
    ]
    monkeypatch.setattr(weights, "snapshot_download", Hub(tmp_path / "hub", dict.fromkeys(names, "{}")))
    monkeypatch.chdir(tmp_path)
    folder = part_folder("owner/name", part)
    fetched = {path.relative_to(tmp_path / "hub").as_posix() for path in folder.parent.rglob("*") if path.is_file()}
    assert fetched == wanted
    assert not has_part("owner/name", "image_encoder")


def test_of_a_hub_id_the_scheduler_says_what_is_predicted(tmp_path: Path, monkeypatch) -> None:
    files = {"scheduler/scheduler_config.json": '{"prediction_type": "v_prediction"}', "unet/config.json": "{}"}
    monkeypatch.setattr(weights, "snapshot_download", Hub(tmp_path / "hub", files))
    monkeypatch.chdir(tmp_path)
    assert prediction_of("owner/name") == "v_prediction"
    assert [path.name for path in (tmp_path / "hub").rglob("*.json")] == ["scheduler_config.json"]


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_spoiled_configuration_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match="config.json is not a configuration"):
        read_config(tmp_path, "AutoencoderKL")


@pytest.mark.parametrize("content", [{"layers": 3}, {"architectures": []}])
def test_a_configuration_without_a_class_is_refused(content: dict, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="without a class name.*AutoencoderKL is needed"):
        read_config(tmp_path, "AutoencoderKL")


class Marker:
    """Something whose unpickling would leave a trace."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("name", ["weights.bin", "weights.ckpt"])
def test_a_pickled_object_is_refused_and_not_run(name: str, tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1), "other": Marker(tmp_path / "ran")}, tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}.*may run code"):
        read_weights(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["cut.safetensors", "cut.bin"])
def test_a_damaged_file_is_refused(name: str, tmp_path: Path) -> None:
    if name.endswith("bin"):
        torch.save({"weight": torch.zeros(100)}, tmp_path / name)
    else:
        save_file({"weight": torch.zeros(100)}, tmp_path / name)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:200])
    with pytest.raises(InputError, match=f"{name} cannot be read as weights"):
        read_weights(tmp_path / name)


def test_floating_tensors_are_float32_and_others_as_they_are(tmp_path: Path) -> None:
    save_file({"half": torch.ones(2).half(), "count": torch.arange(3)}, tmp_path / "x.safetensors")
    found = read_weights(tmp_path / "x.safetensors")
    assert found["half"].dtype == torch.float32
    assert found["count"].dtype == torch.int64

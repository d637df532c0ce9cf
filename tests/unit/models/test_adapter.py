"""Motion adapters: diffusers' folders, AnimateDiff's own files, and what is neither."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from humangen.models import sd15
from humangen.types import InputError
from tests.unit.published import original_layout, tiny_adapter, tiny_pipeline_folder, tiny_unet2d


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pipeline_folder(tmp_path_factory.mktemp("weights"))


def loaded(folder: Path, motion: Path) -> dict[str, torch.Tensor]:
    state = sd15.unet(pretrained=str(folder), motion=str(motion)).state_dict()
    return {name: value for name, value in state.items() if ".motion_modules." in name}


def assert_same(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert found.keys() == wanted.keys()
    assert all(torch.equal(value, wanted[name]) for name, value in found.items())


@pytest.mark.parametrize("changes", [{}, {"use_motion_mid_block": False, "motion_max_seq_length": 24}])
def test_the_original_file_is_the_same_as_the_folder(changes: dict, folder: Path, tmp_path: Path) -> None:
    adapter = tiny_adapter(**changes)
    original = original_layout(adapter)
    torch.save(original, tmp_path / "mm_sd_v15_v2.ckpt")
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": value for name, value in original.items()}},
               tmp_path / "wrapped.ckpt")  # fmt: skip
    save_file(original, tmp_path / "mm.safetensors")
    adapter.save_pretrained(tmp_path / "folder", variant="fp16")
    adapter.save_pretrained(tmp_path / "bin", safe_serialization=False)
    for name in ("mm_sd_v15_v2.ckpt", "wrapped.ckpt", "mm.safetensors", "folder", "bin"):
        assert_same(loaded(folder, tmp_path / name), adapter.state_dict())


def test_half_precision_is_read_as_float32(folder: Path, tmp_path: Path) -> None:
    adapter = tiny_adapter().half()
    adapter.save_pretrained(tmp_path, variant="fp16")
    found = loaded(folder, tmp_path)
    assert {value.dtype for value in found.values()} == {torch.float32}
    assert_same(found, {name: value.float() for name, value in adapter.state_dict().items()})


def test_a_partial_file_is_refused(folder: Path, tmp_path: Path) -> None:
    """Where a whole block or the last layers are gone, the rest must not pass for a smaller adapter."""
    original = original_layout(tiny_adapter())
    for gone, named in {
        "up_blocks.1.": "up_blocks.1.",
        "down_blocks.0.": "down_blocks.0.",
        "up_blocks.0.motion_modules.1.": "up_blocks.0.motion_modules.1.",
        "mid_block.motion_modules.0.temporal_transformer.norm.": "mid_block.motion_modules.0.norm.",
    }.items():
        part = {name: value for name, value in original.items() if not name.startswith(gone)}
        save_file(part, tmp_path / "part.safetensors")
        with pytest.raises(InputError, match=rf"part.safetensors.*missing.*: {named}.*model\.motion"):
            loaded(folder, tmp_path / "part.safetensors")


def test_an_adapter_for_another_unet_is_refused(folder: Path, tmp_path: Path) -> None:
    for number, (changes, pattern) in enumerate((
        ({"block_out_channels": (32, 32)}, "of another shape: .* must be"),
        ({"motion_layers_per_block": 2}, "unexpected"),
        ({"motion_norm_num_groups": 16}, "norm_num_groups 16.*8"),
        ({"conv_in_channels": 9}, "unexpected.*conv_in.weight"),
    )):  # fmt: skip
        place = tmp_path / str(number)
        tiny_adapter(**changes).save_pretrained(place)
        with pytest.raises(InputError, match=pattern):
            loaded(folder, place)


def test_what_is_no_adapter_is_refused(folder: Path, tmp_path: Path) -> None:
    unet = folder / "unet" / "diffusion_pytorch_model.safetensors"
    (tmp_path / "empty").mkdir()
    (tmp_path / "dance.mp4").write_bytes(b"no weights")
    save_file({}, tmp_path / "nothing.safetensors")
    tiny_unet2d().save_pretrained(tmp_path / "unet")
    for motion, pattern in {
        unet: "no AnimateDiff motion adapter.*begins with",
        folder / "unet": "UNet2DConditionModel.*MotionAdapter is needed",
        folder: "neither motion_adapter/config.json nor config.json",
        tmp_path / "empty": "neither motion_adapter/config.json nor config.json",
        tmp_path / "dance.mp4": "dance.mp4 cannot be read as weights",
        tmp_path / "nothing.safetensors": "begins with nothing",
        tmp_path / "absent.ckpt": "there is no such file",
    }.items():
        with pytest.raises(InputError, match=pattern):
            loaded(folder, motion)
    with pytest.raises(InputError, match="empty"):
        sd15.unet(pretrained=str(folder), motion="")


def test_a_file_with_objects_in_it_is_refused(folder: Path, tmp_path: Path) -> None:
    torch.save(original_layout(tiny_adapter()) | {"config": Path("x")}, tmp_path / "mm.ckpt")
    with pytest.raises(InputError, match=r"mm.ckpt.*holds other things than tensors.*\.safetensors"):
        loaded(folder, tmp_path / "mm.ckpt")

"""What does not agree is said before a training begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from humangen.beginnings import check_frames, check_same_mask, check_same_run, check_same_teaching, check_size
from humangen.checkpoint import Stored
from humangen.types import InputError
from tests.unit.test_checkpoint import CANVAS, configured, network
from tests.unit.tiny import tiny_codec, tiny_denoiser


@pytest.mark.parametrize(("theirs", "ours"), [
    (configured(scheme="causal"), configured(scheme="full")),
    (configured(scheme="causal"), configured(CANVAS)),
    (configured(CANVAS), configured(scheme="isolated")),
])  # fmt: skip
def test_another_mask_is_refused_by_name(theirs: dict, ours: dict) -> None:
    names = [config["pipeline"]["denoiser"].get("scheme", "canvas") for config in (theirs, ours)]
    with pytest.raises(InputError, match=f"'{names[0]}'.*'{names[1]}'"):
        check_same_mask(Stored(theirs, {}, Path("a.ckpt")), ours)
    check_same_mask(Stored(theirs, {}, Path("a.ckpt")), {**theirs, "seed": 3})


def test_a_codec_has_no_mask_to_differ_in() -> None:
    check_same_mask(Stored({"pipeline": None}, {}, Path("a.ckpt")), {"pipeline": None})


def test_weights_without_a_denoiser_do_not_start_a_denoiser() -> None:
    with pytest.raises(InputError, match=r"a\.ckpt"):
        check_same_mask(Stored({"pipeline": None}, {}, Path("a.ckpt")), configured(scheme="causal"))


def test_what_a_network_was_taught_is_compared(capsys: pytest.CaptureFixture) -> None:
    theirs = {"pipeline": {"schedule": {"prediction": "epsilon"}}, "parts": ["face"]}
    ours = {"pipeline": {"schedule": {"prediction": "v"}}, "parts": ["face"]}
    stored = Stored(theirs, {}, Path("a.ckpt"))
    with pytest.raises(InputError, match="the schedule was prediction epsilon and is prediction v.*choose the same"):
        check_same_teaching(stored, ours, whole=False)
    check_same_teaching(stored, ours, whole=True)
    assert "a.ckpt was trained otherwise" in capsys.readouterr().out
    check_same_teaching(stored, theirs, whole=False)
    check_same_teaching(Stored({"pipeline": {}}, {}, Path("old.ckpt")), ours, whole=False)
    assert not capsys.readouterr().out


def test_an_optimiser_goes_on_with_what_it_was_of() -> None:
    layer = network()
    ours = {**configured(), "trainable_parts": "unet", "optimizer": "torch.optim.AdamW"}
    check_same_run(layer, Stored(ours, layer.state_dict(), Path("a.ckpt")), ours)
    check_same_run(layer, Stored(configured(), layer.state_dict(), Path("old.ckpt")), ours)
    for key, value in (("trainable_parts", "motion"), ("optimizer", "bitsandbytes.optim.AdamW8bit")):
        stored = Stored({**ours, key: value}, layer.state_dict(), Path("a.ckpt"))
        with pytest.raises(InputError, match=rf"{value}, whose optimiser does not go on with .*init=a\.ckpt"):
            check_same_run(layer, stored, ours)
    with pytest.raises(InputError, match="weights of another network"):
        check_same_run(layer, Stored(ours, network(width=3).state_dict(), Path("a.ckpt")), ours)


def test_sizes_are_whole_numbers_of_latent_cells() -> None:
    check_size(tiny_codec(), 64, 8)
    for size in ((60, 64), (64, 57)):
        with pytest.raises(InputError, match="not both multiples of 8.*the next are height=64 width=64"):
            check_size(tiny_codec(), *size)


def test_clips_have_no_more_frames_than_there_are_positions() -> None:
    denoiser = tiny_denoiser()
    sampler = {"window": 32}
    check_frames(denoiser, {"sampler": sampler, "data": {"train_sampler": {"num_frames": 32}}})
    check_frames(denoiser, {"sampler": sampler, "data": {}})
    for data in ({"train_sampler": {"num_frames": 33}}, {"eval_sampler": {"num_frames": 33}}):
        with pytest.raises(InputError, match=r"know 32 positions.*_sampler.num_frames=33: give frames=32 or less"):
            check_frames(denoiser, {"sampler": sampler, "data": data})
    with pytest.raises(InputError, match=r"fewer than sampler.window=40"):
        check_frames(denoiser, {"sampler": {"window": 40}, "data": {}})

"""Clips out of windows, and each clip its own business."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderTiny
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.diffusion.schedule import VarianceSchedule
from humangen.inference.animate import Drive, Encoded, animate, noised_reference, stream
from humangen.inference.windows import windows
from humangen.models.pipeline import Pipeline
from humangen.models.vae import PreviewCodec
from humangen.types import Condition, InputError, Reference
from tests.conftest import tiny_inputs
from tests.unit.tiny import tiny_pipeline

SAMPLER = Sampler(num_steps=2)


def painted(scheme: str, clips: list[int], keys: str = "abc", **options) -> Tensor:
    """The clips with these numbers, painted in one batch."""
    _, _, condition, reference = tiny_inputs(references=3, clips=3, frames=options.pop("frames", 1))
    chosen = Reference(reference.latents[clips], reference.pose[clips], reference.tokens[clips])
    return animate(
        tiny_pipeline(scheme),
        chosen,
        Condition(condition.pose[clips], condition.tokens[clips]),
        keys=[keys[clip] for clip in clips],
        **{"sampler": SAMPLER, **options},
    )


@pytest.mark.parametrize("scheme", ["causal", "full", "canvas"])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_a_clip_does_not_depend_on_its_company(scheme: str, guidance: float) -> None:
    together = painted(scheme, [0, 1, 2], guidance=guidance)
    turned = painted(scheme, [2, 0], guidance=guidance)
    alone = painted(scheme, [1], guidance=guidance)
    assert together.shape == (3, 1, 3, 64, 64)
    torch.testing.assert_close(together[[2, 0]], turned, rtol=0, atol=1e-4)
    torch.testing.assert_close(together[[1]], alone, rtol=0, atol=1e-4)


def test_long_clips_do_not_depend_on_their_company_either() -> None:
    options = {"frames": 4, "sampler": Sampler(num_steps=2, window=3, overlap=1)}
    together = painted("causal", [0, 1], **options)
    assert together.shape == (2, 4, 3, 64, 64)
    torch.testing.assert_close(together[[1]], painted("causal", [1], **options), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("scheme", "window", "overlap"), [("causal", 4, 2), ("causal", 3, 0), ("canvas", 4, 2)])
def test_each_pose_is_drawn_and_encoded_once(
    monkeypatch: pytest.MonkeyPatch, scheme: str, window: int, overlap: int
) -> None:
    """And what comes out is what windows give that encode all of their poses, but for how torch rounds batches of other
    sizes."""
    _, _, condition, reference = tiny_inputs(references=1, clips=2, frames=7)
    pipeline = tiny_pipeline(scheme)
    drawn: list[int] = []
    rows: list[int] = []
    pipeline.denoiser.pose_encoder.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))

    def poses(frames: range) -> Tensor:
        drawn.extend(frames)
        return condition.pose[:, frames.start : frames.stop]

    options = {"keys": ["a", "b"], "guidance": 2.0, "sampler": Sampler(num_steps=1, window=window, overlap=overlap)}
    once = torch.cat([*stream(pipeline, reference, Drive(poses, 7, condition.tokens), **options)], dim=1)
    assert sorted(drawn) == [0, *range(7)]  # the first also for its size
    if scheme == "causal":
        assert sum(rows) == 1 + 2 * 7  # the reference's, and all of two clips

    def whole(encode: Callable[[range], Condition]) -> Callable[[range], Condition]:
        return encode

    monkeypatch.setattr("humangen.inference.animate.Encoded", whole)
    each = torch.cat([*stream(pipeline, reference, Drive(poses, 7, condition.tokens), **options)], dim=1)
    torch.testing.assert_close(once, each, rtol=0, atol=1e-5)


def test_of_poses_no_more_is_held_than_a_window() -> None:
    """Over 300 frames, all that is reachable from what encodes them."""
    sizes = []
    encoded = Encoded(lambda frames: Condition(torch.zeros(1, len(frames), 3, 4, 4), torch.zeros(1, 1, 1)))
    for window in windows(300, 8, 2):
        assert encoded(window).pose.shape[1] == 8
        sizes.append(sum(each.pose.shape[1] for each in vars(encoded).values() if isinstance(each, Condition)))
    assert set(sizes) == {8}


def test_seed_and_key_choose_the_picture() -> None:
    one = painted("causal", [0])
    assert torch.equal(one, painted("causal", [0]))
    assert not torch.equal(one, painted("causal", [0], seed=1))
    assert not torch.equal(one, painted("causal", [0], keys="xyz"))


def test_clips_may_share_a_reference() -> None:
    pipeline = tiny_pipeline()
    _, _, condition, reference = tiny_inputs(references=1, clips=2)
    both = animate(pipeline, reference, condition, keys=["a", "b"], sampler=SAMPLER)
    second = Condition(condition.pose[1:], condition.tokens[1:])
    alone = animate(pipeline, reference, second, keys=["b"], sampler=SAMPLER)
    torch.testing.assert_close(both[1:], alone, rtol=0, atol=1e-4)


def test_no_reference_paints_somebody() -> None:
    condition = tiny_inputs()[2]
    pictures = animate(tiny_pipeline(), None, condition, keys=["a", "b"], sampler=SAMPLER)
    assert pictures.shape == (2, 1, 3, 64, 64)
    assert pictures.isfinite().all()


def test_sampling_may_start_from_the_reference() -> None:
    """One step of a network that predicts nothing: what comes out is what went in."""
    pipeline = tiny_pipeline()
    pipeline.schedule = VarianceSchedule(prediction="sample", zero_snr=False)
    reference = tiny_inputs(references=1, clips=2)[3]
    drawn = torch.randn(2, 3, *reference.latents.shape[1:])
    moved = noised_reference(pipeline.schedule, reference, drawn, torch.tensor(999))
    signal, spread = pipeline.schedule.scales(torch.tensor([999, 999]), drawn)
    torch.testing.assert_close(moved, signal * reference.latents[:, None] + spread * drawn)
    assert signal.min() > 0.05
    ways = [painted_with(pipeline, Sampler(num_steps=2, start=start)) for start in ("noise", "reference")]
    assert not torch.equal(*ways)


def painted_with(pipeline: Pipeline, sampler: Sampler) -> Tensor:
    _, _, condition, reference = tiny_inputs(references=1, clips=2)
    return animate(pipeline, reference, condition, keys=["a", "b"], sampler=sampler)


def test_a_start_that_has_nothing_to_give_is_refused() -> None:
    with pytest.raises(InputError, match="zero SNR"):
        painted_with(tiny_pipeline(), Sampler(num_steps=2, start="reference"))
    with pytest.raises(InputError, match="cannot start from 'picture'"):
        Sampler(start="picture")


def test_a_preview_codec_decodes_in_place_of_the_own(tmp_path: Path) -> None:
    channels = tiny_pipeline().codec.channels
    torch.manual_seed(0)
    tiny = AutoencoderTiny(latent_channels=channels, encoder_block_out_channels=(8,) * 4,
                           decoder_block_out_channels=(8,) * 4, num_encoder_blocks=(1,) * 4,
                           num_decoder_blocks=(1,) * 4)  # fmt: skip
    tiny.save_pretrained(tmp_path / "taesd")
    preview = PreviewCodec.from_folder(tmp_path / "taesd")
    assert (preview.downscale, preview.channels) == (8, channels)
    _, _, condition, reference = tiny_inputs(references=1, clips=2)
    options = {"keys": ["a", "b"], "sampler": SAMPLER}
    shown = animate(tiny_pipeline(), reference, condition, preview=preview, **options)
    whole = animate(tiny_pipeline(), reference, condition, **options)
    assert shown.shape == whole.shape
    assert not torch.equal(shown, whole)
    latents = torch.randn(1, channels, 4, 4)
    torch.testing.assert_close(preview.decode(latents), tiny.decode(latents).sample.clamp(-1, 1))
    (tmp_path / "taesd" / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    with pytest.raises(InputError, match=r"config\.json"):
        PreviewCodec.from_folder(tmp_path / "taesd")

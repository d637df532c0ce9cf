"""What a result says of how it came to be, and what is never taken for something else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.diffusion.schedule import FlowSchedule, VarianceSchedule
from humangen.evaluation import Exam, lacking, leave, result_of, settings_of
from humangen.inference.painters import painter_of
from humangen.metrics.features import Extractor
from humangen.metrics.frechet import FrechetDistance
from humangen.metrics.identity import FaceSimilarity
from humangen.metrics.kernel import KernelDistance
from humangen.metrics.pose_error import JOINTS, PoseError
from humangen.models.codec import AT_ONCE, weights_hash
from humangen.models.denoiser import CanvasDenoiser, RowDenoiser
from humangen.models.image_encoder import ClipImageEncoder
from humangen.models.pipeline import Pipeline
from humangen.models.tryon import TryOnPipeline
from humangen.models.vae import LatentCodec
from humangen.types import InputError
from tests.unit.published import tiny_autoencoder, tiny_clip
from tests.unit.tiny import tiny_batch, tiny_pipeline

CPU = torch.device("cpu")


def identity(pipeline: Pipeline, solver: str = "ddim", **options: Any) -> str:
    painter = painter_of(pipeline, Sampler(solver=solver, num_steps=2, **options))
    return json.dumps(settings_of(painter, "float32", "data"), sort_keys=True)


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    made = tiny_pipeline()
    return {name: getattr(made, name) for name in ("denoiser", "codec", "image_encoder", "schedule")}


def joined(denoiser: RowDenoiser, **changes: Any) -> RowDenoiser:
    """The same weights, joined in another way."""
    return RowDenoiser(unet=denoiser.unet, pose_encoder=denoiser.pose_encoder, **changes)


def test_what_is_kept_is_of_all_that_paints_it(parts: dict[str, Any]) -> None:
    """Equal weights, and yet other pictures."""
    denoiser, autoencoders, clips = parts["denoiser"], [tiny_autoencoder(), tiny_autoencoder()], [tiny_clip()] * 2
    autoencoders[1].load_state_dict(autoencoders[0].state_dict())
    autoencoders[1].register_to_config(scaling_factor=0.5)
    clips[1] = tiny_clip()
    next(clips[1].parameters()).data += 1
    changes = [
        {},
        *({"denoiser": joined(denoiser, scheme=scheme)} for scheme in ("full", "isolated", "reversed")),
        {"denoiser": CanvasDenoiser(unet=denoiser.unet, pose_encoder=denoiser.pose_encoder)},
        *({"denoiser": joined(denoiser, reference_timestep=timestep)} for timestep in (None, 7)),
        {"denoiser": joined(denoiser, reference_pose=False)},
        {"schedule": VarianceSchedule(prediction="sample")},
        {"schedule": VarianceSchedule(zero_snr=False)},
        {"schedule": VarianceSchedule(zero_snr=False, prediction="epsilon")},
        {"schedule": VarianceSchedule(beta_end=0.02)},
        *({"codec": LatentCodec(each)} for each in autoencoders),
        *({"image_encoder": ClipImageEncoder(each)} for each in clips),
    ]
    found = [identity(Pipeline(**parts | change)) for change in changes]
    tryon = ({}, {"outside": "noised"}, {"background": "person"}, {"dilation": 1})
    found += [identity(TryOnPipeline(**parts, **change)) for change in tryon]
    found += [identity(Pipeline(**parts | {"schedule": FlowSchedule()}), "euler")]
    found += [identity(Pipeline(**parts), start="reference")]
    assert len(set(found)) == len(found)


def test_what_changes_no_picture_changes_no_identity(parts: dict[str, Any]) -> None:
    shifted = parts | {"schedule": VarianceSchedule(shift=8), "denoiser": joined(parts["denoiser"])}
    assert identity(Pipeline(**parts)) == identity(Pipeline(**shifted))


class Nothing(Extractor):
    """Finds nothing in any picture."""

    def __init__(self, dim: int) -> None:
        super().__init__("nothing", "0" * 64)
        self.dim = dim

    def network_features(self, rows: Tensor) -> Tensor:
        return torch.zeros(len(rows), self.dim)


def test_a_metric_without_a_value_says_why_in_json_that_every_reader_takes(tmp_path: Path) -> None:
    names = {
        "arcface": FaceSimilarity(Nothing(9)),
        "pose_error": PoseError(Nothing(3 * JOINTS)),
        "fid": FrechetDistance(Nothing(4)),
        "kid": KernelDistance(Nothing(4)),
    }
    exam = Exam.of_folder({"definition": definition([*names, "psnr"])}, "data")
    batch = tiny_batch(["a"])
    measure = replace(exam.measures(["painted"], CPU)["painted"], networks=names, unavailable={})
    exam.protocol.compare(measure, batch.target, batch)
    result = result_of({"painted": measure}, exam)
    leave(result, tmp_path)
    read = json.loads((tmp_path / "result.json").read_text(), parse_constant=pytest.fail)
    assert read["scores"] == {
        "psnr": pytest.approx(100.0),
        "arcface": "undefined (no face was found in the truth)",
        "pose_error": "undefined (no figure was found in the truth)",
        "fid": "undefined (a covariance needs two samples, and there are 1 and 1)",
        "kid": "undefined (two samples of each side are needed)",
    }


def definition(metrics: list[str]) -> dict[str, Any]:
    target = "humangen.metrics.protocols.AnimationProtocol"
    return {"_target_": target, "id": "test", "version": 1, "metrics": metrics}


def test_a_result_says_whose_every_network_was(parts: dict[str, Any]) -> None:
    settings = settings_of(painter_of(Pipeline(**parts), Sampler()), "float32", "data")
    assert settings["image_encoder_sha256"] is None
    assert settings["pipeline"]["denoiser"] == {"scheme": "causal", "reference_timestep": 0, "reference_pose": True}
    others = {"image_encoder": ClipImageEncoder(tiny_clip()), "codec": LatentCodec(tiny_autoencoder())}
    made = Pipeline(**parts | others)
    settings = settings_of(painter_of(made, Sampler()), "float32", "data")
    assert settings["image_encoder_sha256"] == weights_hash(made.image_encoder)
    assert "/" not in json.dumps(settings["pipeline"])


def test_clips_of_several_lengths_are_told_whole() -> None:
    """Whichever batch came last."""

    def scored(lengths: dict[str, int]) -> dict[str, Any]:
        exam = Exam.of_folder({"definition": definition(["psnr"])}, "data")
        measures = exam.measures(["painted"], CPU)
        for key, frames in lengths.items():
            batch = tiny_batch([key], frames)
            exam.protocol.compare(measures["painted"], batch.target, batch)
        return result_of(measures, exam)

    lengths = {"a": 7, "b": 3}
    one, other = scored(lengths), scored(dict(reversed(lengths.items())))
    assert one == other
    assert {key: values["frames"] for key, values in one["per_sample"].items()} == lengths
    told = one["frames_per_clip"]
    assert (told["least"], told["most"]) == (3, 7)
    assert scored({"a": 3, "b": 7})["frames_per_clip"]["sha256"] != told["sha256"]
    assert scored({"a": 3, "b": 3})["frames_per_clip"] == 3
    with pytest.raises(InputError, match="finds no sample to score: see protocol.data"):
        scored({})


def test_a_result_of_fewer_samples_than_the_protocol_has_says_so() -> None:
    batch = tiny_batch(["a", "b", "c"])
    for samples, complete in ((3, True), (4, False), (2, False), (None, None)):
        exam = Exam.of_folder({"definition": definition(["psnr"]) | {"samples": samples}}, "data")
        measures = exam.measures(["painted"], CPU)
        exam.protocol.compare(measures["painted"], batch.target, batch)
        result = {**result_of(measures, exam), **exam.facts()}
        assert result.get("complete") is complete
        told = lacking(result)
        assert (told is None) == (complete is not False)
        assert told is None or f"test has {samples} samples, and 3 were scored" in told


def test_the_ceiling_of_a_long_clip_asks_no_more_of_the_codec_than_painting_it(
    parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    painter, given = painter_of(Pipeline(**parts), Sampler()), []
    encode = painter.pipeline.codec.encode
    monkeypatch.setattr(painter.pipeline.codec, "encode", lambda rows: given.append(len(rows)) or encode(rows))
    truth = tiny_batch(["a", "b"], frames=AT_ONCE + 1).target
    assert painter.round_trip(truth).shape == truth.shape
    assert given == [AT_ONCE, 1] * 2

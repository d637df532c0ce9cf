"""What a run from Stable Diffusion's weights is refused for before it begins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from humangen.training import task_of
from humangen.types import InputError
from tests.smoke.test_train import configured
from tests.unit.published import tiny_controlnet, tiny_pipeline_folder
from tests.unit.test_checkpoint import saved

PART, STAGE_2 = "stage.trainable_parts=self_attention", "stage=motion"


@pytest.fixture
def sd15(tmp_path: Path) -> Path:
    return tiny_pipeline_folder(tmp_path / "sd15")


def begun(sd15: Path, *overrides: str) -> dict[str, Any]:
    """The configuration of a run of stage 1 that starts from `sd15`."""
    given = ["experiment=sd15_animation", f"model.pretrained={sd15}", "frames=4", *overrides]
    return configured("train", sd15.with_name("run"), *given)


def scheduled(sd15: Path, **config: Any) -> Path:
    """The folder with a scheduler of this configuration."""
    (sd15 / "scheduler").mkdir(exist_ok=True)
    (sd15 / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    return sd15


def test_output_layers_that_stay_predict_what_they_did(sd15: Path) -> None:
    """Stable Diffusion 1.5's own scheduler does not say what is predicted, and a U-Net alone has none."""
    silent = {"_class_name": "PNDMScheduler", "beta_schedule": "scaled_linear"}
    for folder in (sd15, scheduled(sd15, **silent), scheduled(sd15, prediction_type="epsilon")):
        for other, wanted in ((), "the velocity"), (("diffusion=flow", "sampler=euler"), "the flow"):
            with pytest.raises(InputError, match=rf"sd15 predicts the noise.*{wanted}.*diffusion=epsilon, or .*=unet"):
                task_of(begun(folder, PART, *other), None)
        task_of(begun(folder, PART, "diffusion=epsilon"), None)
        task_of(begun(folder), None)  # what is trained whole can follow


def test_weights_that_predict_the_velocity_go_on_with_it(sd15: Path) -> None:
    folder = scheduled(sd15, prediction_type="v_prediction")
    task_of(begun(folder, PART), None)
    with pytest.raises(InputError, match="predicts the velocity.*diffusion=v_zero_snr, or"):
        task_of(begun(folder, PART, "diffusion=epsilon"), None)


def test_a_scheduler_that_cannot_be_read_is_named(sd15: Path) -> None:
    (scheduled(sd15) / "scheduler" / "scheduler_config.json").write_text("[]")
    with pytest.raises(InputError, match=r"scheduler_config\.json is not a configuration"):
        task_of(begun(sd15, PART), None)


def stage_1(sd15: Path) -> Path:
    """A checkpoint of stage 1."""
    task = task_of(begun(sd15), None)
    return saved(sd15.with_name("run") / "a.ckpt", task.network, dict(task.hparams))


def test_stage_2_does_not_go_on_with_the_optimiser_of_stage_1(sd15: Path) -> None:
    """Nor with another network, of which torch would list every tensor."""
    run = stage_1(sd15)
    task_of(begun(sd15), run)
    with pytest.raises(InputError, match=r"stage.trainable_parts=unet, .* does not go on with motion.*init=.*a\.ckpt"):
        task_of(begun(sd15, STAGE_2), run)
    task_of(begun(sd15, STAGE_2, f"init={run}"), None)
    tiny_controlnet().save_pretrained(sd15.with_name("openpose"))
    with pytest.raises(InputError, match="holds the weights of another network"):
        task_of(begun(sd15, f"model.controlnet={sd15.with_name('openpose')}"), run)


def test_sizes_and_lengths_are_looked_at_before_training(sd15: Path) -> None:
    with pytest.raises(InputError, match="height=500 width=512 are not both multiples of 8"):
        task_of(begun(sd15, "height=500"), None)
    run = stage_1(sd15)
    with pytest.raises(InputError, match="window=40, stage.train_sampler.num_frames=40, stage.eval_sampler"):
        task_of(begun(sd15, STAGE_2, "frames=40", f"init={run}"), None)

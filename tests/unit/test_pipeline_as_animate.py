"""An exported pipeline that is given keypoints paints what `humangen animate` does, or says what it does not take."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image

from humangen.cli import animate
from humangen.cli.errors import InputError
from humangen.cli.scene import scene_of
from humangen.data.dancers import render_clip
from humangen.export import export
from humangen.inference.ranks import OneRank
from humangen.media import read_picture, write_picture
from tests.unit.test_export import modules, trained  # noqa: F401

SIZE, SIDE, FRAMES = (192, 144), 64, 2
PERSON, DRIVER = render_clip(3, 3, 1, 8.0, *SIZE), render_clip(4, 9, FRAMES, 8.0, *SIZE)
FACES = {"parts": ["face"], "framing": {"_target_": "humangen.data.framing.FaceFraming", "height": 512, "width": 512}}
BODIES = {"parts": ["body", "hands"]}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a reference and a driver, and exported folders of networks that see the face, the body, and all."""
    folder = tmp_path_factory.mktemp("room")
    write_picture(folder / "person.png", PERSON.frames[0])
    np.savez(folder / "person.npz", keypoints=PERSON.keypoints, size=SIZE)
    np.savez(folder / "driver.npz", keypoints=DRIVER.keypoints)
    checkpoint = trained(folder)
    content = torch.load(checkpoint, weights_only=True)
    own = content["hyper_parameters"]
    for name, sees in (("faces", FACES), ("bodies", BODIES), ("all", {})):
        content["hyper_parameters"] = own | {"height": SIDE, "width": SIDE} | sees
        torch.save(content, folder / f"{name}.ckpt")
        export(folder / f"{name}.ckpt", folder / name)
    return folder


def opened(folder: Path) -> DiffusionPipeline:
    return DiffusionPipeline.from_pretrained(folder, custom_pipeline=str(folder), trust_remote_code=True)


def by_command(room: Path, name: str, *more: str) -> np.ndarray:
    """Frames (F, H, W, 3) as they are before they go into the video."""
    parser = argparse.ArgumentParser()
    animate.add_arguments(parser)
    files = {"reference": "person.png", "reference-pose": "person.npz", "poses": "driver.npz", "output": "out.mp4"}
    words = [word for option, file in files.items() for word in (f"--{option}", str(room / file))]
    options = parser.parse_args([*words, "--checkpoint", str(room / name), *more])
    return np.stack([*animate.paint(options, scene_of(options), OneRank())])


@pytest.mark.parametrize("name", ["faces", "bodies", "all"])
@pytest.mark.usefixtures("modules")
def test_the_same_from_the_same_keypoints(room: Path, name: str) -> None:
    pipe, picture = opened(room / name), read_picture(room / "person.png")
    expected = by_command(room, name)
    arrays = pipe(picture, DRIVER.keypoints, reference_pose=PERSON.keypoints).frames[0]
    np.testing.assert_array_equal(np.stack(arrays), expected)
    files = pipe(room / "person.png", str(room / "driver.npz"), reference_pose=room / "person.npz").frames[0]
    np.testing.assert_array_equal(np.stack(files), expected)
    assert expected.shape[1:3] == ((SIDE, SIDE) if name == "faces" else (SIDE, SIDE * SIZE[1] // SIZE[0]))
    still = pipe(picture, DRIVER.keypoints, reference_pose=PERSON.keypoints[0], align=False).frames[0]
    np.testing.assert_array_equal(np.stack(still), by_command(room, name, "--no-align"))
    assert (np.stack(still) != expected).any()


@pytest.mark.usefixtures("modules")
def test_sizes_solver_guidance_seed_and_windows(room: Path) -> None:
    pipe = opened(room / "faces")
    given = Image.open(room / "person.png"), str(room / "driver.npz")
    found = pipe(*given, reference_pose=PERSON.keypoints, height=96, width=64, num_inference_steps=2,
                 guidance_scale=2.0, seed=3, window=1).frames[0]  # fmt: skip
    options = "--size 96 64 --steps 2 --guidance 2 --seed 3 --window 1".split()
    np.testing.assert_array_equal(np.stack(found), by_command(room, "faces", *options))


@pytest.mark.usefixtures("modules")
def test_what_was_not_seen_in_training_is_refused(room: Path) -> None:
    picture, pose = read_picture(room / "person.png"), np.zeros((SIDE, SIDE, 3), np.uint8)
    for name, seen in (("faces", "views of the face with face drawn"), ("bodies", "whole pictures with body, hands")):
        pipe = opened(room / name)
        with pytest.raises(InputError, match=f"the driver is drawn already.*trained on {seen}"):
            pipe(picture, [pose])
    with pytest.raises(InputError, match="the reference's pose is drawn already"):
        pipe(picture, DRIVER.keypoints, reference_pose=pose)
    with pytest.raises(InputError, match="views of the face, and the reference's pose shows none"):
        opened(room / "faces")(picture, DRIVER.keypoints)


@pytest.fixture
def pipe(room: Path, modules: None) -> DiffusionPipeline:  # noqa: F811
    return opened(room / "all")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"solver": "dpm"}, "no solver: .*pipe.scheduler"),
        ({"mask": None}, "no mask: .*humangen tryon"),
        ({"fps": 8}, "export_to_video"),
        ({"prompt": "a person"}, "no prompt: help"),
        ({"output_type": "mp4"}, "no output_type 'mp4'"),
        ({"height": 61}, "61x64 pixels: give multiples of 8"),
        ({"poses": [np.zeros((SIDE, SIDE, 3), np.uint8)], "height": 32}, "drawn, 64x64.*leave height and width out"),
        ({"poses": [np.zeros((SIDE, SIDE, 3), np.uint8)], "align": True}, "to align, give keypoints of both"),
        ({"align": True}, "to align, give keypoints of both"),
        ({"poses": np.full((2, 128, 3), np.nan)}, "`poses` holds keypoints that are not finite"),
        ({"poses": torch.zeros(2, 128, 3)}, "a tensor .2, 128, 3.: give"),
        ({"poses": [3]}, "a picture is int"),
        ({"poses": "nothing.npz"}, "no pose file at nothing.npz"),
        ({"reference": np.zeros((8, 8, 3))}, "an array of float64"),
        ({"reference": torch.zeros(3, 8, 8), "poses": torch.zeros(2, 3, SIDE, SIDE)}, "and the poses are 64x64"),
        ({"preview": "nowhere"}, "nowhere"),
        ({"num_inference_steps": 0}, "steps"),
        ({"guidance_scale": float("nan")}, "guidance is nan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_call_that_is_not_understood(pipe: DiffusionPipeline, more: dict, said: str) -> None:
    given = {"reference": PERSON.frames[0], "poses": DRIVER.keypoints} | more
    with pytest.raises(InputError, match=said):
        pipe(**given)

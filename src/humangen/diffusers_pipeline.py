"""The pipeline as diffusers calls it: what `pipeline.py` in an exported folder stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline, UNetMotionModel
from diffusers.utils import BaseOutput
from PIL import Image
from torch import Tensor, nn

from humangen.diffusion.sample import Sampler
from humangen.inference.animate import KEY, animate
from humangen.media import fit_picture, to_tensor, to_uint8
from humangen.models.folder import Parts, assemble, solver_name, spatial
from humangen.pose.draw import draw_pose, draw_poses
from humangen.pose.keypoints import NUM_KEYPOINTS
from humangen.types import InputError

Picture = Image.Image | np.ndarray | Tensor


@dataclass
class Frames(BaseOutput):
    """`frames`: a list of one clip, as all video pipelines of diffusers return it."""

    frames: Any


class SpatialPipeline(DiffusionPipeline):
    """A reference picture in the poses of a clip.

    `DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)` makes one of an exported folder. The noise
    process and the solver are those of `scheduler`, which may be another of the four that humangen knows.
    """

    _optional_components = ["image_encoder"]

    def __init__(
        self,
        unet: UNetMotionModel,
        pose_encoder: nn.Module,
        vae: nn.Module,
        image_encoder: nn.Module | None,
        scheduler: Any,
        denoiser: dict | None = None,
        sampler: dict | None = None,
        guidance: float = 1.0,
    ) -> None:
        super().__init__()
        if image_encoder is not None:
            image_encoder.to(unet.dtype)  # transformers keeps the precision of the file, diffusers does not
        self.register_modules(
            unet=spatial(unet), pose_encoder=pose_encoder, vae=vae, image_encoder=image_encoder, scheduler=scheduler
        )
        self.register_to_config(denoiser=denoiser, sampler=sampler, guidance=guidance)

    @torch.no_grad()
    def __call__(
        self,
        reference: Picture,
        poses: Sequence[Image.Image | np.ndarray] | np.ndarray | Tensor,
        *,
        reference_pose: Picture | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        seed: int = 0,
        generator: torch.Generator | None = None,
        height: int | None = None,
        width: int | None = None,
        key: str = KEY,
        output_type: str = "pil",
        **sampling: Any,
    ) -> Frames:
        """Frames of the person in `reference` in `poses`, at the size of the poses.

        Pictures are PIL, uint8 arrays (H, W, 3), or tensors: `reference` (3, H, W) in [-1, 1], `poses` (F, 3, H, W) and
        `reference_pose` (3, H, W) in [0, 1]. `poses` may also be keypoints (F, 128, 3), drawn in `height` x `width`
        pixels (unless given, the reference's), and `reference_pose` those of the reference (128, 3). The noise depends
        on `seed`, or a draw from `generator`, and on `key`. `guidance_scale` 1 is none; steps and guidance that are not
        given are the checkpoint's own. `sampling` changes further fields of `Sampler`. `output_type` is pil, np ((F, H,
        W, 3) in [0, 1]) or pt ((F, 3, H, W) in [0, 1]).
        """
        if output_type not in ("pil", "np", "pt"):
            raise InputError(f"no output_type {output_type!r}; there are pil, np, pt")
        if "solver" in sampling:
            raise InputError("the solver is the pipeline's own: give it another with pipe.scheduler = ...")
        driven = _poses(poses, *_size(reference, height, width))
        height, width = driven.shape[-2:]
        pixels = _pixels(reference, height, width)
        still = torch.zeros_like(pixels) if reference_pose is None else _pose(reference_pose, reference, height, width)
        if generator is not None:
            seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
        steps: dict[str, Any] = {} if num_inference_steps is None else {"num_steps": num_inference_steps}
        sampler = replace(Sampler(**self.config["sampler"]), solver=solver_name(self.scheduler), **steps, **sampling)
        pipeline = assemble(Parts(**self.components, denoiser=self.config["denoiser"], sampler=self.config["sampler"]))
        place = self._execution_device
        read = pipeline.encode_reference(pixels.to(place), still.to(place))
        painted = animate(
            pipeline,
            read,
            pipeline.condition(read, driven[None].to(place)),
            keys=[key],
            sampler=sampler,
            guidance=self.config["guidance"] if guidance_scale is None else guidance_scale,
            seed=seed,
        )
        return Frames(frames=[_as_output(painted[0], output_type)])

    def save_pretrained(self, *_: Any, **__: Any) -> None:
        """Not offered: the folder would lack what humangen keeps beside the parts."""
        raise InputError("this pipeline is written by `humangen export`; copy the folder it was loaded from")


def _array(picture: Image.Image | np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3)."""
    array = np.asarray(picture.convert("RGB")) if isinstance(picture, Image.Image) else picture
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[-1] != 3:
        raise InputError(
            f"a picture is an array of {array.dtype} {array.shape}: give uint8 (H, W, 3), a PIL picture, or a tensor"
        )
    return array


def _size(reference: Picture, height: int | None, width: int | None) -> tuple[int, int]:
    """Those given, else the reference's."""
    own = reference.shape[-2:] if isinstance(reference, Tensor) else _array(reference).shape[:2]
    return height or own[0], width or own[1]


def _pixels(picture: Picture, height: int, width: int) -> Tensor:
    """One picture (1, 3, height, width) in [-1, 1]."""
    if isinstance(picture, Tensor):
        return picture.reshape(1, 3, height, width)
    return to_tensor(fit_picture(_array(picture), height, width))[None]


def _pose(picture: Picture, reference: Picture, height: int, width: int) -> Tensor:
    """The reference's pose (1, 3, height, width) in [0, 1], drawn already or keypoints."""
    if isinstance(picture, np.ndarray) and picture.shape[-2:] == (NUM_KEYPOINTS, 3):
        picture = draw_pose(picture.reshape(NUM_KEYPOINTS, 3), *_size(reference, None, None))
    pixels = _pixels(picture, height, width)
    return pixels if isinstance(picture, Tensor) else _unit(pixels)


def _poses(poses: Sequence[Image.Image | np.ndarray] | np.ndarray | Tensor, height: int, width: int) -> Tensor:
    """Drawn poses (F, 3, H, W) in [0, 1]; keypoints are drawn in height x width pixels."""
    if isinstance(poses, Tensor):
        return poses
    if isinstance(poses, np.ndarray) and poses.ndim == 3:
        if height % 8 or width % 8:
            raise InputError(f"poses are drawn in {height}x{width} pixels: give multiples of 8 as height= and width=")
        poses = draw_poses(poses, height, width)
    return _unit(to_tensor(np.stack([_array(each) for each in poses])))


def _unit(pixels: Tensor) -> Tensor:
    return (pixels + 1) / 2


def _as_output(painted: Tensor, kind: str) -> Any:
    """Frames (F, 3, H, W) in [-1, 1] as diffusers' users know them."""
    if kind == "pil":
        return [Image.fromarray(frame) for frame in to_uint8(painted)]
    pixels = _unit(painted.float()).clamp(0, 1)
    return pixels if kind == "pt" else pixels.movedim(1, -1).cpu().numpy()

"""The pipeline as diffusers calls it: what `pipeline.py` in an exported folder stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline, UNetMotionModel
from diffusers.utils import BaseOutput, logging
from PIL import Image
from torch import Tensor, nn

from humangen.checkpoint import sight_of
from humangen.diffusion.sample import Sampler
from humangen.inference.animate import KEY, animate
from humangen.inference.given import Drawn, Picture, Shown, as_drawn, drawn, is_keypoints, opened, size, staged, unit
from humangen.media import to_uint8
from humangen.models.folder import Parts, assemble, solver_name, spatial
from humangen.models.vae import PreviewCodec
from humangen.types import InputError

logger = logging.get_logger(__name__)

TRY_ON = "it animates, and `humangen tryon` dresses people"
INSTEAD = {  # of what `humangen animate` and `humangen tryon` have under these names
    "solver": "give the pipeline another with pipe.scheduler = ...",
    "steps": "they are num_inference_steps",
    "guidance": "it is guidance_scale",
    "size": "it is height and width",
    "frames": "give as many poses as there are to be frames",
    "num_frames": "give as many poses as there are to be frames",
    "fps": "it gives frames; diffusers.utils.export_to_video writes them as a video",
    "output": "it gives frames; diffusers.utils.export_to_video writes them as a video",
    "device": "pipe.to(DEVICE) brings it there",
    "precision": "pipe.to(DTYPE), or torch_dtype=DTYPE of from_pretrained, chooses it",
    "compile": "`humangen animate --checkpoint FOLDER --compile` does that",
    "graphs": "`humangen animate --checkpoint FOLDER --graphs` does that",
    **dict.fromkeys(("person", "garment", "pairs", "pose", "mask", "region", "parse", "rectangle"), TRY_ON),
    **dict.fromkeys(("parser", "category", "composite", "outside", "batch"), TRY_ON),
}


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
        sees: dict | None = None,
    ) -> None:
        super().__init__()
        if image_encoder is not None:
            image_encoder.to(unet.dtype)  # transformers keeps the precision of the file, diffusers does not
        self.register_modules(
            unet=spatial(unet), pose_encoder=pose_encoder, vae=vae, image_encoder=image_encoder, scheduler=scheduler
        )
        self.register_to_config(denoiser=denoiser, sampler=sampler, guidance=guidance, sees=sees)

    @torch.no_grad()
    def __call__(
        self,
        reference: Picture | str | Path,
        poses: Drawn | str | Path,
        *,
        reference_pose: Picture | str | Path | None = None,
        align: bool | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        seed: int = 0,
        generator: torch.Generator | None = None,
        height: int | None = None,
        width: int | None = None,
        window: int | None = None,
        overlap: int | None = None,
        start: str | None = None,
        preview: str | Path | None = None,
        key: str = KEY,
        output_type: str = "pil",
        **unknown: Any,
    ) -> Frames:
        """Frames of the person in `reference` in `poses`.

        `poses` are keypoints (F, 128, 3) or what --poses of `humangen animate` takes: an .npz, a pose video, or
        dancer:SEED. All then is as the command has it: `reference_pose` are keypoints (128, 3) of the reference or a
        file of them, `align` is by default where both are keypoints, what is painted has `height` x `width` (unless
        given, what the checkpoint was trained at) without the reference's padding, and what is drawn and framed is what
        the network was trained to see. Or `poses` are drawn already: pictures, or a tensor (F, 3, H, W) in [0, 1]; then
        frames have their size, and `reference_pose` may be drawn too.

        Pictures are files, PIL, uint8 arrays (H, W, 3), or tensors: `reference` (3, H, W) in [-1, 1], `reference_pose`
        (3, H, W) in [0, 1]. The noise depends on `seed`, or a draw from `generator`, and on `key`. `guidance_scale` 1
        is none; steps, guidance, `window`, `overlap` and `start` that are not given are the checkpoint's own. `preview`
        is the folder of a tiny autoencoder. `output_type` is pil, np ((F, H, W, 3) in [0, 1]) or pt ((F, 3, H, W) in
        [0, 1]).
        """
        check_known(unknown)
        if output_type not in ("pil", "np", "pt"):
            raise InputError(f"no output_type {output_type!r}; there are pil, np, pt")
        shown = self._shown(reference, poses, reference_pose, align, height, width)
        if reference_pose is None and self.config["denoiser"]["reference_pose"]:
            logger.warning("without reference_pose= the network is not told the reference's pose, as it always was in "
                           "training, and paints worse")  # fmt: skip
        if generator is not None:
            seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
        if window is not None and overlap is None:
            overlap = window // 4
        chosen = {"num_steps": num_inference_steps, "window": window, "overlap": overlap, "start": start}
        given: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
        pipeline = assemble(Parts(**self.components, denoiser=self.config["denoiser"], sampler=self.config["sampler"]))
        place = self._execution_device
        read = pipeline.encode_reference(shown.reference.to(place), shown.reference_pose.to(place))
        painted = animate(
            pipeline,
            read,
            pipeline.condition(read, shown.poses[None].to(place)),
            keys=[key],
            sampler=replace(Sampler(**self.config["sampler"]), solver=solver_name(self.scheduler), **given),
            guidance=self.config["guidance"] if guidance_scale is None else guidance_scale,
            seed=seed,
            preview=PreviewCodec.from_folder(preview).to(place) if preview else None,
        )
        return Frames(frames=[_as_output(shown.cut(painted[0].movedim(1, -1)), output_type)])

    def _shown(
        self,
        reference: Picture | str | Path,
        poses: Drawn | str | Path,
        reference_pose: Picture | str | Path | None,
        align: bool | None,
        height: int | None,
        width: int | None,
    ) -> Shown:
        """What the network is shown of what it is given."""
        sees = self.config["sees"] or {}
        if isinstance(poses, str | Path) or is_keypoints(poses):
            own = size(reference if isinstance(reference, Tensor) else opened(reference))
            sight = sight_of(sees, height or sees.get("height", own[0]), width or sees.get("width", own[1]))
            check_size(sight.framing.height, sight.framing.width)
            return staged(reference, poses, reference_pose, sight, align)  # type: ignore[arg-type]
        if align:
            raise InputError("to align, give keypoints of both: these poses are drawn already")
        frames = drawn(poses)
        if (height or frames.shape[-2], width or frames.shape[-1]) != frames.shape[-2:]:
            raise InputError(f"the poses are drawn, {frames.shape[-2]}x{frames.shape[-1]}, and so the frames have that "
                             "size: leave height and width out, or give keypoints")  # fmt: skip
        return as_drawn(reference, frames, reference_pose, sight_of(sees, *frames.shape[-2:]))

    def save_pretrained(self, *_: Any, **__: Any) -> None:
        """Not offered: the folder would lack what humangen keeps beside the parts."""
        raise InputError("this pipeline is written by `humangen export`; copy the folder it was loaded from")


def check_size(height: int, width: int) -> None:
    if height % 8 or width % 8:
        raise InputError(f"poses are drawn in {height}x{width} pixels: give multiples of 8 as height= and width=")


def check_known(unknown: Mapping[str, Any]) -> None:
    """Raises `InputError` that says what to do instead, where what a call is given is not for this pipeline."""
    for name in unknown:
        instead = INSTEAD.get(name, "help(pipe.__call__) says what there is")
        raise InputError(f"this pipeline takes no {name}: {instead}")


def _as_output(painted: Tensor, kind: str) -> Any:
    """Frames (F, H, W, 3) in [-1, 1] as diffusers' users know them."""
    if kind == "pil":
        return [Image.fromarray(frame) for frame in to_uint8(painted.movedim(-1, 1))]
    pixels = unit(painted.float()).clamp(0, 1)
    return pixels.movedim(-1, 1) if kind == "pt" else pixels.cpu().numpy()

"""A pipeline as the parts of a folder in diffusers' layout, each in the form that its own library reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    LCMScheduler,
    SchedulerMixin,
    UNetMotionModel,
)
from safetensors import SafetensorError
from torch import nn
from transformers import CLIPVisionModelWithProjection

from humangen.diffusion.sample import Sampler
from humangen.diffusion.schedule import FlowSchedule, Schedule, VarianceSchedule
from humangen.models.codec import Codec, PatchCodec
from humangen.models.denoiser import CanvasDenoiser, Denoiser, RowDenoiser
from humangen.models.image_encoder import ClipImageEncoder, NoImageEncoder
from humangen.models.pipeline import Pipeline
from humangen.models.pose_encoder import PoseEncoder
from humangen.models.unet import SpatialUNet
from humangen.models.vae import LatentCodec
from humangen.types import InputError

INDEX, SAFETENSORS = "model_index.json", "diffusion_pytorch_model.safetensors"
SCHEDULERS = {
    "ddim": DDIMScheduler,
    "dpm": DPMSolverMultistepScheduler,
    "euler": FlowMatchEulerDiscreteScheduler,
    "lcm": LCMScheduler,
}
SEEN = ("height", "width", "parts", "framing")  # of a configuration: the views that a network was trained on
CLASSES: dict[str, tuple[type, ...]] = {
    "unet": (UNetMotionModel,),
    "pose_encoder": (PoseEncoder,),
    "vae": (AutoencoderKL, PatchCodec),
    "image_encoder": (CLIPVisionModelWithProjection,),
    "scheduler": tuple(SCHEDULERS.values()),
}


@dataclass(frozen=True)
class Parts:
    """What diffusers calls components, and as plain values what is no component: how the denoiser joins reference
    and target, how it was configured to be sampled and guided, and what it was trained to see (`SEEN`)."""

    unet: UNetMotionModel
    pose_encoder: PoseEncoder
    vae: AutoencoderKL | PatchCodec
    image_encoder: CLIPVisionModelWithProjection | None
    scheduler: SchedulerMixin
    denoiser: dict[str, Any]
    sampler: dict[str, Any]
    guidance: float = 1.0
    sees: dict[str, Any] = field(default_factory=dict)


def take_apart(
    pipeline: Pipeline, sampler: Sampler, guidance: float = 1.0, config: Mapping[str, Any] | None = None
) -> Parts:
    """The parts of a pipeline whose checkpoint has this `config`; tensors are shared, not copied."""
    codec, encoder = pipeline.codec, pipeline.image_encoder
    return Parts(
        unet=_as(UNetMotionModel, pipeline.denoiser.unet),
        pose_encoder=pipeline.denoiser.pose_encoder,
        vae=codec.autoencoder if isinstance(codec, LatentCodec) else codec,
        image_encoder=encoder.clip if isinstance(encoder, ClipImageEncoder) else None,
        scheduler=scheduler(pipeline.schedule, sampler.solver),
        denoiser=join_options(pipeline.denoiser),
        sampler=asdict(sampler),
        guidance=guidance,
        sees={name: value for name, value in (config or {}).items() if name in SEEN and value is not None},
    )


def assemble(parts: Parts) -> Pipeline:
    """The pipeline that `parts` make up, in evaluation mode; tensors are shared, not copied."""
    unet = spatial(parts.unet)
    codec: Codec = parts.vae if isinstance(parts.vae, PatchCodec) else LatentCodec(parts.vae)
    encoder = NoImageEncoder(width=unet.config.cross_attention_dim)
    if parts.image_encoder is not None:
        encoder = ClipImageEncoder(parts.image_encoder).to(unet.device)
    return Pipeline(
        denoiser=_joined(unet, parts.pose_encoder, parts.denoiser),
        codec=codec,
        image_encoder=encoder,
        schedule=schedule(parts.scheduler),
    ).eval()


def write_parts(parts: Parts, folder: Path, dtype: torch.dtype) -> None:
    """Writes every part as `dtype`, casting the pipeline's own tensors, and `model_index.json`."""
    index: dict[str, Any] = {
        "_class_name": ["pipeline", "SpatialPipeline"],
        "_diffusers_version": diffusers.__version__,
        "denoiser": parts.denoiser,
        "sampler": parts.sampler,
        "guidance": parts.guidance,
        "sees": parts.sees,
    }
    for name in CLASSES:
        part = getattr(parts, name)
        index[name] = [None, None] if part is None else _where(type(part))
        if isinstance(part, nn.Module):
            _check_range(name, part, dtype)
            nn.Module.to(part, dtype)  # diffusers' own warns of layers to keep in float32 where there are none
        if part is not None:
            part.save_pretrained(folder / name)
    for file in folder.glob("*/*config.json"):
        config = json.loads(file.read_text())
        config.pop("_name_or_path", None)  # where the part once lay is nobody's business
        file.write_text(json.dumps(config, indent=2) + "\n")
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n")


def read_parts(folder: Path) -> Parts:
    """The parts of an exported folder in float32, without running any code that lies in it."""
    try:
        index = json.loads((folder / INDEX).read_text())
        options = {name: index[name] for name in ("denoiser", "sampler")}
        options |= {"guidance": index.get("guidance", 1.0), "sees": index.get("sees", {})}  # older folders do not say
        classes = {name: index[name][1] for name in CLASSES}
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise InputError(f"{folder / INDEX} is not the index of an exported pipeline: {error!r}") from error
    return Parts(**{name: _read(folder / name, kind) for name, kind in classes.items()}, **options)


def spatial(unet: UNetMotionModel) -> SpatialUNet:
    """The same network, called on rows."""
    return unet if isinstance(unet, SpatialUNet) else _as(SpatialUNet, unet)


def schedule(scheduler: SchedulerMixin) -> Schedule:
    """The noise process that a diffusers scheduler is configured with."""
    config = scheduler.config
    if solver_name(scheduler) == "euler":
        return FlowSchedule(num_timesteps=config.num_train_timesteps)
    found = VarianceSchedule(
        prediction=config.prediction_type,
        zero_snr=config.rescale_betas_zero_snr,
        beta_start=config.beta_start,
        beta_end=config.beta_end,
        num_timesteps=config.num_train_timesteps,
    )
    other = {name: config.get(name) for name, value in found.config.items() if config.get(name) != value}
    if other:
        raise InputError(f"the scheduler has {other}, where the noise process of humangen has {found.config}")
    return found


def scheduler(schedule: Schedule, solver: str) -> SchedulerMixin:
    """The diffusers scheduler of a noise process, as its own class."""
    ready: Any = schedule.solver(solver, 1)
    return SCHEDULERS[solver].from_config(ready.config)


def solver_name(scheduler: SchedulerMixin) -> str:
    """What humangen calls a diffusers scheduler's way of stepping."""
    for name, kind in SCHEDULERS.items():
        if isinstance(scheduler, kind):
            return name
    known = ", ".join(kind.__name__ for kind in SCHEDULERS.values())
    raise InputError(f"{type(scheduler).__name__} is no scheduler for this pipeline; there are {known}")


def _as(kind: type[UNetMotionModel], unet: UNetMotionModel) -> Any:
    """A U-Net with the config and the very tensors of `unet`."""
    with torch.device("meta"):
        made = kind(**{name: value for name, value in unet.config.items() if not name.startswith("_")})
    made.load_state_dict(unet.state_dict(), assign=True)
    return made.train(unet.training)


def join_options(denoiser: Denoiser) -> dict[str, Any]:
    """How a denoiser joins reference and target."""
    if not isinstance(denoiser, RowDenoiser):
        return {"scheme": "canvas", "reference_pose": denoiser.reference_pose}
    return {
        "scheme": denoiser.scheme.name,
        "reference_timestep": denoiser.reference_timestep,
        "reference_pose": denoiser.reference_pose,
    }


def _joined(unet: SpatialUNet, pose_encoder: PoseEncoder, options: Mapping[str, Any]) -> Denoiser:
    try:
        if options["scheme"] == "canvas":
            others = {name: value for name, value in options.items() if name != "scheme"}
            return CanvasDenoiser(unet=unet, pose_encoder=pose_encoder, **others)
        return RowDenoiser(unet=unet, pose_encoder=pose_encoder, **options)
    except (TypeError, KeyError) as error:
        raise InputError(f"{INDEX} describes the denoiser as {options}, which makes none: {error}") from error


def _where(kind: type) -> list[str]:
    """Library and class as diffusers looks them up: its own and transformers' from the top."""
    library = kind.__module__.split(".")[0]
    return [kind.__module__ if library == "humangen" else library, kind.__name__]


def _check_range(name: str, part: nn.Module, dtype: torch.dtype) -> None:
    for key, value in part.state_dict().items():
        if value.is_floating_point() and not value.to(dtype).isfinite().all():
            raise InputError(
                f"{name}.{key} holds values that {dtype} does not: export with --dtype bfloat16 or float32"
            )


def _read(folder: Path, kind: str | None) -> Any:
    if kind is None and folder.name == "image_encoder":
        return None
    known = {each.__name__: each for each in CLASSES[folder.name]}
    if kind not in known:
        raise InputError(f"{folder.parent / INDEX} names {kind} as {folder.name}; it can be {' or '.join(known)}")
    if not folder.is_dir():
        raise InputError(f"{folder} is not there, and {folder.parent / INDEX} names it: export the checkpoint again")
    try:
        return _loaded(known[kind], folder)
    except (OSError, ValueError, TypeError, LookupError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{folder} cannot be read as {kind}: {reason}") from error


def _loaded(kind: Any, folder: Path) -> Any:
    if kind is PatchCodec or kind in SCHEDULERS.values():
        return kind.from_pretrained(folder)
    precision = "dtype" if kind is CLIPVisionModelWithProjection else "torch_dtype"
    model, info = kind.from_pretrained(
        folder, local_files_only=True, output_loading_info=True, **{precision: torch.float32}
    )
    wrong = sorted([*info["missing_keys"], *info["unexpected_keys"], *map(str, info["mismatched_keys"])])
    if wrong:
        raise ValueError(f"{len(wrong)} parameters do not match its config.json, for example {wrong[0]}")
    return model

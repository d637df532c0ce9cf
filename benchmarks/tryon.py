"""What one try-on picture costs from noise to latents, reading the garment included, in three forms.

`cached` is one network that reads the garment once and then paints with its keys and values, the latents around the
region clean. `two_unets` reads once with a second U-Net and projects its features in every step (OOTDiffusion's form,
latents around the region noised). `canvas` has garment and person side by side in every step (CatVTON's form). None has
guidance, temporal layers or a codec, which would be the same for all. Weights are random.

Peak memory is of the weights that a form needs, what it keeps of the garment and the work of a step: on a CUDA device
as allocated, else counted on fake tensors. FLOPs are those of the whole picture, two per multiply-add.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

import denoisers
import timing
from account import Account
from humangen.cli.errors import reported
from humangen.diffusion.region import OUTSIDES
from humangen.diffusion.sample import sample
from humangen.diffusion.schedule import VarianceSchedule
from humangen.models.denoiser import Denoiser
from humangen.types import Condition, InputError, Reference
from referencenet import ReferenceNet, without_motion

BASELINE = "cached"
OUTSIDE = {"cached": "clean", "two_unets": "noised", "canvas": "none"}
CPU = torch.device("cpu")


class Inputs(NamedTuple):
    noise: Tensor  # 1 1 C h w
    condition: Condition
    garment: Reference


class Form(NamedTuple):
    """What paints, how to `read` a garment, and how to take one `step` (noisy, timestep, condition, what was read)."""

    painter: Denoiser
    read: Callable[[Reference], Any]
    step: Callable[[Tensor, Tensor, Condition, Any], Tensor]


def random_inputs(options: argparse.Namespace, form: Form, device: torch.device, dtype: torch.dtype) -> Inputs:
    """One person of whom the middle quarter is to be painted, and a garment, as the networks of `form` take them."""
    if options.height % denoisers.CELL or options.width % denoisers.CELL:
        raise InputError(f"--height and --width must be multiples of {denoisers.CELL}")
    pixels, cells = (options.height, options.width), (options.height // denoisers.CELL, options.width // denoisers.CELL)
    config = form.painter.unet.config
    latents, generator = (config.in_channels, *cells), torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device, dtype)

    garment = Reference(noise(1, *latents), noise(1, 3, *pixels).sigmoid(), noise(1, 1, config.cross_attention_dim))
    region = torch.zeros(1, 1, 1, *cells)
    region[..., cells[0] // 4 : 3 * cells[0] // 4, cells[1] // 4 : 3 * cells[1] // 4] = 1
    condition = Condition(
        noise(1, 1, 3, *pixels).sigmoid(),
        garment.tokens,
        region=region.to(device, dtype),
        outside=noise(1, 1, *latents),
    )
    return Inputs(noise(1, 1, *latents), condition, garment)


def build_networks(model: str, *, reader: bool) -> nn.ModuleDict:
    """`unet` and `pose_encoder`, and the second U-Net that reads for `two_unets`."""
    parts = denoisers.build_parts(model)
    if reader:
        parts["reader"] = without_motion(denoisers.build_parts(model)["unet"])
    return nn.ModuleDict({**parts, "unet": without_motion(parts["unet"])}).eval()


def build_form(name: str, networks: nn.ModuleDict) -> Form:
    """One form, which shares its weights with the others of the same networks."""
    parts = {part: networks[part] for part in ("unet", "pose_encoder")}
    painter = denoisers.join_parts("canvas" if name == "canvas" else "causal", parts).eval()
    if name != "two_unets":
        return Form(painter, painter.prepare, painter)
    pair = ReferenceNet(painter, networks["reader"])
    return Form(painter, pair.read, pair)


def paint(form: Form, name: str, inputs: Inputs, steps: int) -> Tensor:
    """Latents (1, 1, C, h, w) of a picture."""
    schedule, outside = VarianceSchedule(), OUTSIDES[OUTSIDE[name]]
    noise, condition = inputs.noise, inputs.condition
    read = form.read(inputs.garment)
    told = form.painter.encode_pose(condition)

    def keep(latents: Tensor, timestep: Tensor | None) -> Tensor:
        def add_noise(clean: Tensor) -> Tensor:
            return clean if timestep is None else schedule.add_noise(clean, noise, timestep.expand(1))

        return outside.around(latents, condition.outside, condition.region, add_noise)

    return sample(lambda latents, at: form.step(latents, at, told, read), noise, schedule.solver("ddim", steps), keep)


def count(name: str, options: argparse.Namespace) -> timing.Row:
    """Parameters, FLOPs and peak bytes of a form, of numbers that are not there: shapes take any size in a second."""
    with FakeTensorMode(), torch.no_grad(), Account() as account:
        networks = build_networks(options.model, reader=name == "two_unets")
        form = build_form(name, networks)
        inputs = random_inputs(options, form, CPU, torch.float32)
        account.restart()
        with FlopCounterMode(display=False) as reading:
            read = form.read(inputs.garment)
            told = form.painter.encode_pose(inputs.condition)
        with FlopCounterMode(display=False) as stepping:
            form.step(inputs.noise, torch.zeros(1, dtype=torch.long), told, read)
        return {
            "parameters": denoisers.count_parameters(networks),
            "flops": reading.get_total_flops() + options.steps * stepping.get_total_flops(),
            "peak_bytes": account.peak * denoisers.DTYPES[options.dtype].itemsize // torch.float32.itemsize,
        }


def parse() -> argparse.Namespace:
    parser = timing.parser(__doc__, repeats=3)
    parser.set_defaults(warmup=1)
    parser.add_argument("--model", choices=["tiny", "sd15"], default="sd15", help="conf/model/dancers, or SD 1.5")
    parser.add_argument("--height", type=timing.positive, default=256, help="of the picture in pixels")
    parser.add_argument("--width", type=timing.positive, default=192, help="of the picture in pixels")
    parser.add_argument("--steps", type=timing.positive, default=4, help="sampling steps of a picture")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=list(denoisers.DTYPES), default="float32")
    return parser.parse_args()


@reported
def main() -> None:
    options = parse()
    device, dtype = timing.choose_device(options.device), denoisers.DTYPES[options.dtype]
    rows = {name: count(name, options) for name in OUTSIDE}
    with torch.inference_mode():
        networks = build_networks(options.model, reader=True).to(device, dtype)
        forms = {name: build_form(name, networks) for name in OUTSIDE}
        inputs = random_inputs(options, forms[BASELINE], device, dtype)
        runs = {name: partial(paint, form, name, inputs, options.steps) for name, form in forms.items()}
        times = timing.measure(
            {name: partial(timing.timed, run, device) for name, run in runs.items()},
            baseline=BASELINE,
            repeats=options.repeats,
            warmup=options.warmup,
        )
        resident = denoisers.count_parameters(networks)
        for name, run in runs.items():
            others = (resident - int(rows[name]["parameters"])) * dtype.itemsize
            rows[name] = times[name] | rows[name] | timing.peak_memory(run, device, others=others)
    timing.report(options, rows, name="tryon", baseline=BASELINE, device=device)


if __name__ == "__main__":
    main()

"""Whether anything of what is under the region gets into what is painted there.

A person is compared with herself with other pixels under the region: whatever differs besides the noised inside that
training asks for is a leak.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from humangen.diffusion.loss import squared_error
from humangen.diffusion.noise import frame_noise
from humangen.diffusion.sample import Sampler
from humangen.inference.tryon import try_on
from humangen.models.denoiser import Denoiser
from humangen.models.tryon import TryOnPipeline
from humangen.types import Condition, TryOnBatch

LAST = 999  # the noisiest timestep of every schedule
TIMESTEPS = (0, 500, LAST)


@dataclass(frozen=True)
class Finding:
    """What was measured of one thing, in `unit`; None: nothing could be. It has `passed`, or is a leak; None: the
    number tells of itself."""

    name: str
    found: float | None
    unit: str
    passed: bool | None

    @classmethod
    def none_of(cls, name: str, found: float, unit: str) -> Finding:
        """One that passes where nothing was found."""
        return cls(name, found, unit, found == 0)


def worst(findings: Iterable[Finding]) -> list[Finding]:
    """One of each name, with the largest number found, passed where all have."""

    def size(finding: Finding) -> float:
        return -1 if finding.found is None else finding.found

    together: dict[str, Finding] = {}
    for each in findings:
        known = together.setdefault(each.name, each)
        largest = max(known, each, key=size)
        judged = [finding.passed for finding in (known, each) if finding.passed is not None]
        together[each.name] = replace(largest, passed=all(judged) if judged else None)
    return list(together.values())


def examine(
    pipeline: TryOnPipeline,
    batch: TryOnBatch,
    others: Mapping[str, TryOnBatch],
    *,
    sampler: Sampler,
    guidance: float = 1.0,
    seed: int = 0,
    outside_weight: float | None = 0.0,
) -> tuple[list[Finding], dict[str, Tensor]]:
    """What was found of `batch` beside `others`, the same but for the pixels under the region, and what was painted of
    each (K, 3, H, W) in [-1, 1], of `batch` itself under `as it was`. The others are by their names.

    `outside_weight` is that of the loss which the pipeline was trained with, None where that is not known.
    """
    findings = [
        *conditioning(pipeline, batch, others.values()),
        uncovered(pipeline, batch),
        *training(pipeline, batch, others.values(), outside_weight),
    ]
    sampled = {
        name: watched(pipeline, each, sampler=sampler, guidance=guidance, seed=seed)
        for name, each in {"as it was": batch, **others}.items()
    }
    condition = pipeline.dressing(batch, None)
    findings += sampling(list(sampled.values()), condition, noise_of(batch.keys, condition, seed))
    return findings, {name: each.painted for name, each in sampled.items()}


def conditioning(pipeline: TryOnPipeline, batch: TryOnBatch, others: Iterable[TryOnBatch]) -> Iterator[Finding]:
    """Every tensor that the network is told, besides the noisy latents."""
    told, differently = told_of(pipeline, batch), [told_of(pipeline, other) for other in others]
    for name, tensor in told.items():
        yield Finding.none_of(f"told: {name}", most(tensor, (each[name] for each in differently)), "largest change")


def told_of(pipeline: TryOnPipeline, batch: TryOnBatch) -> dict[str, Tensor]:
    """The conditioning of a batch by the names of its parts. Only an inpainting U-Net is told of latents that lie
    inside the region; of others those around it count."""
    garment = pipeline.encode_garment(batch.garment)
    condition = pipeline.dressing(batch, garment)
    parts = {name: value for name, value in vars(condition).items() if value is not None}
    if not pipeline.denoiser.inpaints:
        parts["outside"] = around(parts["outside"], condition)
    return parts | {f"garment's {name}": value for name, value in vars(garment).items()}


def uncovered(pipeline: TryOnPipeline, batch: TryOnBatch) -> Finding:
    """Pixels of the region in latent cells that are kept: none, or they would end as what was there."""
    condition = pipeline.dressing(batch, None)
    assert condition.region is not None
    cells = interpolate(condition.region[:, 0].float(), size=batch.region.shape[-2:])
    kept = (batch.region & (cells == 0)).sum()
    return Finding.none_of("pixels under the region that are kept", float(kept), "pixels")


def training(
    pipeline: TryOnPipeline, batch: TryOnBatch, others: Iterable[TryOnBatch], outside_weight: float | None
) -> Iterator[Finding]:
    """What a step of training shows the network, and where its error counts."""
    condition, others = pipeline.dressing(batch, None), list(others)
    assert condition.region is not None
    noise = noise_of(batch.keys, condition, seed=0)
    shown = [shown_in_training(pipeline, each, noise) for each in (batch, *others)]
    painted = pipeline.outside.painted(condition.region)  # what is to be painted is noised truth
    outside = [each.masked_fill(painted > 0, 0.0) for each in shown]
    yield Finding.none_of("shown in training, around the region", most(outside[0], outside[1:]), "largest change")
    share = float(pipeline.schedule.add_noise(torch.ones(1), torch.zeros(1), torch.tensor([LAST])))
    yield Finding("truth in the noisiest latents of training", share, "share", share == 0 or None)
    first, *rest = (each[:, -1:] * painted for each in shown)
    inside = most(first, rest)
    # a schedule that ends short of pure noise shows some of the truth there, which sampling never sees
    passed = inside == 0 if share == 0 else None
    yield Finding("shown in training, at the noisiest timestep", inside, "largest change", passed)
    gradient = None if outside_weight is None else outside_gradient(condition, noise, outside_weight)
    # a loss that is meant to count around the region takes nothing from under it
    passed = gradient == 0 if outside_weight == 0 else None
    yield Finding("gradient of the loss around the region", gradient, "of the one inside", passed)


def shown_in_training(pipeline: TryOnPipeline, batch: TryOnBatch, noise: Tensor) -> Tensor:
    """The noisy latents (K, T, C, h, w) at each of `TIMESTEPS`."""
    condition = pipeline.dressing(batch, None)
    clean = pipeline.goal(batch, condition)

    def at(timestep: int) -> Tensor:
        times = torch.full((len(clean),), timestep, device=clean.device)
        noisy = pipeline.schedule.add_noise(clean, noise, times)
        return pipeline.around(noisy, condition, noise, times)

    return torch.cat([at(timestep) for timestep in TIMESTEPS], dim=1)


def outside_gradient(condition: Condition, prediction: Tensor, outside_weight: float) -> float:
    """The largest gradient of the loss by a prediction (K, 1, C, h, w) around the region, over the largest inside."""
    assert condition.region is not None
    with torch.enable_grad():
        leaf = prediction.clone().requires_grad_()
        loss = squared_error(leaf, torch.zeros_like(leaf), condition.region, outside_weight).sum()
        gradient = torch.autograd.grad(loss, leaf)[0].abs()
    return float(around(gradient, condition).max() / (gradient * condition.region).max())


@dataclass(frozen=True)
class Watched:
    """What the network was shown in sampling, a tensor (K, 1, C, h, w) each time it was asked, and what came of it."""

    shown: list[Tensor]
    painted: Tensor  # K 3 H W, [-1, 1]


def watched(
    pipeline: TryOnPipeline, batch: TryOnBatch, *, sampler: Sampler, guidance: float = 1.0, seed: int = 0
) -> Watched:
    with watching(pipeline.denoiser) as shown:
        painted = try_on(pipeline, batch, sampler=sampler, guidance=guidance, seed=seed)
    return Watched(shown, painted)


@contextmanager
def watching(denoiser: Denoiser) -> Iterator[list[Tensor]]:
    """The noisy latents of every call, in a list that grows."""
    shown: list[Tensor] = []
    handle = denoiser.register_forward_pre_hook(lambda _, given: shown.append(given[0]))
    try:
        yield shown
    finally:
        handle.remove()


def sampling(sampled: Sequence[Watched], condition: Condition, noise: Tensor) -> Iterator[Finding]:
    """The first of what was sampled beside the others, and beside the `noise` that it has to start from."""
    first, others = sampled[0], sampled[1:]
    assert condition.region is not None
    start = most(first.shown[0] * condition.region, [noise * condition.region])
    yield Finding.none_of("start of sampling inside the region, from pure noise", start, "largest difference")
    steps = torch.stack(first.shown)
    changed = most(steps, (torch.stack(other.shown) for other in others))
    yield Finding.none_of("shown in sampling, at every step", changed, "largest change")
    painted = most(first.painted, (other.painted for other in others))
    yield Finding.none_of("painted", painted * 127.5, "largest change, levels")


def noise_of(keys: Sequence[str], condition: Condition, seed: int) -> Tensor:
    """What sampling starts from (K, 1, C, h, w)."""
    assert condition.outside is not None
    return frame_noise(seed, keys, range(1), condition.outside.shape[2:]).to(condition.outside)


def around(latents: Tensor, condition: Condition) -> Tensor:
    """`latents` (K, F, C, h, w) outside the region, 0 inside."""
    assert condition.region is not None
    return latents.masked_fill(condition.region > 0, 0.0)


def most(tensor: Tensor, others: Iterable[Tensor]) -> float:
    """The largest absolute difference to any of the others."""
    return max((float((tensor.float() - other.float()).abs().max()) for other in others), default=0.0)


def outline(region: Tensor, worn: Tensor) -> Finding:
    """How much the region (K, 1, H, W) is the shape of what is worn there: the largest intersection over union. Where
    masks are made from worn garments, the outline itself tells what they looked like, whatever is blanked."""
    overlap = (region & worn).flatten(1).sum(1) / (region | worn).flatten(1).sum(1).clamp(min=1)
    return Finding("outline of the region like the worn garment's", float(overlap.max()), "IoU, 1: the same", None)

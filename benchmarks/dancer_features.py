"""Trains the network behind the distances `fd_dancers` and `fvd_dancers` on drawn dancers, and keeps its weights.

python benchmarks/dancer_features.py --output src/humangen/weights/dancer_features
"""

from __future__ import annotations

import argparse
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss
from torchvision.transforms.functional import gaussian_blur

from humangen.data.dancers import Dance, Dancer, Part, draw
from humangen.data.dancers.appearance import HAIR_STYLES, NECKLINES, PATTERNS, SCENES, SLEEVES
from humangen.media import replacing
from humangen.metrics.features_dancers import CHANNELS, DIM, SIZE, DancerNetwork

BOTTOMS = ("trousers", "shorts", "skirt")
KINDS = (HAIR_STYLES, PATTERNS, SLEEVES, NECKLINES, BOTTOMS, SCENES)
BODY = 18  # keypoints of the body
SPOILS = 3  # blur, noise, contrast
BATCH, CELLS = 32, 16


@dataclass
class Examples:
    """N drawings (N, 3, 128, 128) uint8; colours (N, 27) in [-1, 1], classes (N, 6), joints (N, 18, 3) as x and y in
    [0, 1] and whether seen, parts (N, 16, 16)."""

    pictures: Tensor
    colours: Tensor
    classes: Tensor
    joints: Tensor
    parts: Tensor


class Heads(nn.Module):
    """What is asked of the features while they are learned; none of it is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.colours, self.joints, self.spoils = (nn.Linear(DIM, count) for count in (27, 2 * BODY, SPOILS))
        self.classes = nn.ModuleList([nn.Linear(DIM, len(kinds)) for kinds in KINDS])
        self.parts = nn.Conv2d(CHANNELS[2], len(Part), 1)


def attributes(dancer: Dancer) -> tuple[list[float], list[int]]:
    """The nine colours of a dancer, and which of each of KINDS it has."""
    top, bottom, scene = dancer.top, dancer.bottom, dancer.scene
    colours = (dancer.skin, dancer.head.hair, top.pattern.colour, top.pattern.accent, bottom.pattern.colour,
               dancer.shoes, scene.wall, scene.floor, scene.accents[0])  # fmt: skip
    names = (dancer.head.hair_style, top.pattern.kind, top.sleeve, top.neckline, bottom.kind, scene.kind)
    classes = [kinds.index(name) for kinds, name in zip(KINDS, names, strict=True)]
    return [value / 127.5 - 1 for colour in colours for value in colour], classes


def drawn(people: int, moments: int) -> Examples:
    """`moments` drawings of each of the people 0, 1, ..., each in a dance of their own."""
    rows: list[tuple[np.ndarray, ...]] = []
    for person in range(people):
        dancer, dance = Dancer.from_seed(person), Dance.from_seed(person)
        colours, classes = (np.array(values) for values in attributes(dancer))
        for seconds in np.random.default_rng([person, 4]).uniform(0, 8, moments):
            drawing = draw(dancer, dance, float(seconds), SIZE, SIZE)
            step = SIZE // CELLS
            parts = drawing.parts[step // 2 :: step, step // 2 :: step]
            rows.append((drawing.picture.transpose(2, 0, 1), colours, classes, drawing.keypoints[:BODY], parts))
    pictures, colours, classes, joints, parts = (torch.from_numpy(np.stack(column)) for column in zip(*rows))  # noqa: B905
    return Examples(pictures, colours.float(), classes, joints, parts.long())


def spoiled(pixels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (N, 3, H, W) in [-1, 1], half of the batches blurred and noisy, and how much of each (N, 3) in [0, 1];
    one blur for a batch, for speed."""
    amounts = torch.rand(len(pixels), SPOILS, generator=generator)
    amounts[:, 0] = amounts[0, 0]
    amounts *= (torch.rand(SPOILS, generator=generator) < 0.4).float()
    blur, noise, contrast = (amounts[:, index, None, None, None] for index in range(SPOILS))
    if amounts[0, 0] > 0:
        pixels = gaussian_blur(pixels, [15, 15], [0.2 + 2.8 * float(amounts[0, 0])] * 2)
    pixels = pixels * (1 - 0.6 * contrast)
    return pixels + 0.4 * noise * torch.randn(pixels.shape, generator=generator), amounts


def loss_of(network: DancerNetwork, heads: Heads, pixels: Tensor, rows: Examples, amounts: Tensor) -> Tensor:
    features, middle = network.read(pixels)
    seen = rows.joints[..., 2:] > 0
    places = heads.joints(features).unflatten(1, (BODY, 2))
    loss = 2 * smooth_l1_loss(heads.colours(features), rows.colours, beta=0.2)
    loss = loss + 20 * (seen * (places - (2 * rows.joints[..., :2] - 1))).square().mean()
    loss = loss + 2 * smooth_l1_loss(heads.spoils(features), amounts, beta=0.2)
    for index, head in enumerate(heads.classes):
        loss = loss + 0.25 * cross_entropy(head(features), rows.classes[:, index])
    return loss + 0.5 * cross_entropy(heads.parts(middle), rows.parts)


def train(examples: Examples, steps: int, seed: int) -> DancerNetwork:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network, heads = DancerNetwork(), Heads()
    parameters = [*network.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        chosen = torch.randint(len(examples.pictures), (BATCH,), generator=generator)
        rows = Examples(*(values[chosen] for values in vars(examples).values()))
        pixels, amounts = spoiled(rows.pictures / 127.5 - 1, generator)
        loss = loss_of(network, heads, pixels, rows, amounts)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step} loss {float(loss.detach()):.3f}", flush=True)
    return network


@torch.no_grad()
def standardise(network: DancerNetwork, pictures: Tensor) -> None:
    """Changes the last layer so that each feature has mean 0 and variance 1 over `pictures`."""
    features = torch.cat([network(part / 127.5 - 1) for part in pictures.split(BATCH)])
    mean, deviation = features.mean(0), features.std(0)
    network.exit.weight /= deviation[:, None]
    network.exit.bias.copy_((network.exit.bias - mean) / deviation)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to write features.safetensors into")
    parser.add_argument("--people", type=int, default=1500, help="people to draw, seeds 0, 1, ...")
    parser.add_argument("--moments", type=int, default=4, help="drawings of each")
    parser.add_argument("--steps", type=int, default=1200, help="steps of training, 32 drawings each")
    options = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    examples = drawn(options.people, options.moments)
    print(f"{len(examples.pictures)} drawings in {time.perf_counter() - began:.0f} s", flush=True)
    network = train(examples, options.steps, seed=0)
    standardise(network, examples.pictures[:: options.moments])
    file = options.output / "features.safetensors"
    with replacing(file) as temporary:
        save_file({name: value.half().contiguous() for name, value in network.state_dict().items()}, temporary)
    data = file.read_bytes()
    print(f"{file}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

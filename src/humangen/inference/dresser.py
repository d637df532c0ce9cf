"""Pictures of people in garments, from pictures of any size and shape."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from humangen.diffusion.sample import Sampler
from humangen.inference.composite import Fit, composite
from humangen.inference.people import Person
from humangen.inference.tryon import Reading, inpaint, read
from humangen.media import fit_picture, to_tensor, to_uint8
from humangen.models.tryon import TryOnPipeline
from humangen.pose.draw import PARTS, draw_pose
from humangen.types import Condition, TryOnBatch, joined


@dataclass(frozen=True)
class Dresser:
    """A pipeline that paints at `height` x `width`, how it is sampled, how what it paints is laid into the picture of
    the person (`composite`), and which `parts` of poses are drawn."""

    pipeline: TryOnPipeline
    sampler: Sampler
    height: int
    width: int
    guidance: float = 1.0
    seed: int = 0
    composite: str = "feather_out"
    parts: Collection[str] = PARTS

    def fit(self, person: Person) -> Fit:
        return Fit(person.pixels.shape[:2], self.height, self.width)  # type: ignore[arg-type]

    @property
    def device(self) -> torch.device:
        return next(self.pipeline.denoiser.parameters()).device

    def read(self, garment: np.ndarray) -> Reading:
        """What is read of a garment's picture (H, W, 3), by itself, so that it is the same in any company."""
        return read(self.pipeline, self._fitted([garment]).to(self.device))

    @torch.inference_mode()
    def see(self, person: Person) -> Condition:
        """What the network is told of a person, likewise."""
        return self.pipeline.dressing(self.batch(["seen"], [person], []).to(self.device), None)

    def dress(
        self, keys: Sequence[str], people: Sequence[Person], seen: Sequence[Condition], garments: Sequence[Reading]
    ) -> list[np.ndarray]:
        """The people in the garments (H, W, 3), each in the size of its own picture. There are as many people or a
        multiple, those of a garment side by side; `seen` is what `see` made of each of them, noise is drawn from
        `keys`."""
        painted = inpaint(
            self.pipeline,
            Reading.joined(garments),
            joined(seen),
            keys=keys,
            sampler=self.sampler,
            guidance=self.guidance,
            seed=self.seed,
        )
        return [
            composite(self.fit(person).back(pixels), person.pixels, person.region, self.composite)
            for pixels, person in zip(to_uint8(painted), people, strict=True)
        ]

    def batch(self, keys: Sequence[str], people: Sequence[Person], garments: Sequence[np.ndarray]) -> TryOnBatch:
        """Everything fitted into the size of the model."""
        fitted = [(person, self.fit(person)) for person in people]
        pictures = [fit.picture(person.pixels) for person, fit in fitted]
        regions = [fit.region(person.region) for person, fit in fitted]
        poses = [self._drawn(person, fit) for person, fit in fitted]
        return TryOnBatch(
            keys=list(keys),
            person=to_tensor(np.stack(pictures)),
            garment=self._fitted(garments),
            region=torch.from_numpy(np.stack(regions))[:, None],
            pose=(to_tensor(np.stack(poses)) + 1) / 2,
        )

    def _fitted(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """(B, 3, H, W) in [-1, 1], also of none."""
        fitted = [fit_picture(each, self.height, self.width) for each in pictures]
        return to_tensor(np.array(fitted, np.uint8).reshape(-1, self.height, self.width, 3))

    def _drawn(self, person: Person, fit: Fit) -> np.ndarray:
        if person.keypoints is None:
            return np.zeros((self.height, self.width, 3), np.uint8)
        return draw_pose(fit.keypoints(person.keypoints), self.height, self.width, self.parts)

"""What a try-on sample may be varied by in training; each number is off at 0."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from humangen.data.regions import rectangle_region
from humangen.types import InputError

CELL = 8  # pixels of a latent cell, in which regions grow


@dataclass(frozen=True)
class Dressed:
    """What belongs together in one sample: pictures uint8 (H, W, 3), `region` bool (H, W), keypoints (128, 3) in
    [0, 1]."""

    person: np.ndarray
    garment: np.ndarray
    region: np.ndarray
    keypoints: np.ndarray | None


@dataclass(frozen=True)
class Augmentation:
    """`region` grows by up to that many latent cells, and with probability `rectangle` becomes its bounding box, so
    that its outline tells nothing of the worn garment. `colour` changes person and garment alike: contrast and
    brightness by up to that share, saturation too, hue by a tenth of it. With probability one half the person, not the
    garment, is moved by up to `shift` of the picture and scaled by 1 +- `scale`; what comes in from beyond the picture
    repeats its border."""

    region: int = 0
    rectangle: float = 0.0
    colour: float = 0.0
    shift: float = 0.0
    scale: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.rectangle, self.colour, self.shift, self.scale)
        if self.region < 0 or min(shares) < 0 or max(shares) > 1:
            raise InputError(f"{self}: region counts cells, and all other numbers are shares from 0 to 1")

    def __call__(self, sample: Dressed, random: np.random.Generator) -> Dressed:
        """A variation of `sample`, the same for the same state of `random`."""
        if self.colour:
            sample = recoloured(sample, *random.uniform(-self.colour, self.colour, 4))
        if (self.shift or self.scale) and random.random() < 0.5:
            scale = 1 + random.uniform(-self.scale, self.scale)
            sample = moved(sample, scale, random.uniform(-self.shift, self.shift, 2))
        region = sample.region
        if self.region:
            region = grown(region, int(random.integers(0, self.region * CELL, endpoint=True)))
        if self.rectangle and random.random() < self.rectangle:
            region = rectangle_region(region)
        return replace(sample, region=region)


def recoloured(sample: Dressed, contrast: float, brightness: float, saturation: float, hue: float) -> Dressed:
    """Both pictures with their colours changed in the same way, before anything is clipped to [-1, 1]."""

    def changed(picture: np.ndarray) -> np.ndarray:
        hsv = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + 36 * hue) % 360
        hsv[..., 1] = np.clip(hsv[..., 1] * (1 + saturation), 0, 1)
        values = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
        values = (values - 0.5) * (1 + contrast) + 0.5 + brightness
        return (values.clip(0, 1) * 255).round().astype(np.uint8)

    return replace(sample, person=changed(sample.person), garment=changed(sample.garment))


def moved(sample: Dressed, scale: float, shift: np.ndarray) -> Dressed:
    """The person, her region and keypoints scaled about the middle and moved by `shift` (x, y) of the picture, and as
    they were where that would move more than a tenth of the region out of it. The region comes to be every pixel of
    which it has a part, also in what repeats the border."""
    height, width = sample.region.shape
    place = np.array([[scale, 0, 0], [0, scale, 0]], np.float64)
    place[:, 2] = (np.array([width, height]) - 1) / 2 * (1 - scale) + shift * [width, height]
    stays = cv2.warpAffine(sample.region.astype(np.uint8), place, (width, height), flags=cv2.INTER_NEAREST)
    if stays.sum() < 0.9 * scale**2 * sample.region.sum():
        return sample
    person, region = (
        cv2.warpAffine(picture, place, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for picture in (sample.person, sample.region.astype(np.float32))
    )
    keypoints = sample.keypoints
    if keypoints is not None:
        points = (keypoints[:, :2] - 0.5) * scale + 0.5 + shift
        inside = ((points >= 0) & (points <= 1)).all(axis=1)
        keypoints = np.concatenate([points, keypoints[:, 2:] * inside[:, None]], axis=1).astype(np.float32)
    return replace(sample, person=person, region=region > 0, keypoints=keypoints)


def grown(region: np.ndarray, pixels: int) -> np.ndarray:
    """A region and all that lies within so many pixels of it."""
    size = 2 * pixels + 1
    return cv2.dilate(region.astype(np.uint8), np.ones((size, size), np.uint8)) > 0

"""Features of whole clips: I3D and the 3D ResNet-50, both of Kinetics-400."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from humangen.metrics.features import Extractor, fill, read_tensors, script, squash, to_bytes
from humangen.metrics.features_resnet3d import ResNet3D
from humangen.types import InputError

SHORTEST = 9  # frames; I3D's last pooling takes two of what is left of them
LOGITS, POOLED = 400, 2048
# of Kinetics, RGB in 0..255; there is no division by a deviation
KINETICS_MEAN = (114.7748, 107.7354, 99.4750)
SEGMENT = 16  # frames that the ResNet sees at once


class I3D(Extractor):
    """StyleGAN-V's: bytes go in, and the network resizes them itself; 400 logits, the mean over time."""

    whole_clips, chunk, dim = True, 4, LOGITS

    def __init__(self, file: Path, sha256: str) -> None:
        super().__init__("i3d torchscript, own resize", sha256)
        self.network = script(file)

    def network_features(self, rows: Tensor) -> Tensor:
        clips = channels_first(to_bytes(long_enough(rows)).float())
        return self.network(clips, rescale=True, resize=True, return_features=True)


class I3DSquashed(I3D):
    """DisCo's: every frame squashed to 224 x 224 by PIL's bicubic filter, 0..255 scaled to [-1, 1]; 400 logits.

    DisCo keeps the same weights as a state dict of its own port; the two agree (reference: fvd-comparison)."""

    def __init__(self, file: Path, sha256: str) -> None:
        super().__init__(file, sha256)
        self.name = "i3d torchscript, bicubic 224"

    def network_features(self, rows: Tensor) -> Tensor:
        clips = channels_first(squashed(long_enough(rows), 224) / 127.5 - 1)
        return self.network(clips, rescale=False, resize=False, return_features=True)


class ResNetClips(Extractor):
    """DisCo's FID-VID: frames squashed to 112 x 112, the mean of Kinetics subtracted, segments of 16 frames; a last
    short segment is filled up with its last frame, and the features of a clip are the mean over its segments."""

    whole_clips, chunk, dim = True, 4, POOLED

    def __init__(self, file: Path, sha256: str) -> None:
        super().__init__("resnet3d-50 kinetics", sha256)
        self.network = ResNet3D()
        fill(self.network, read_tensors(file), file)

    def network_features(self, rows: Tensor) -> Tensor:
        clips = squashed(rows, 112)
        clips = clips - torch.tensor(KINETICS_MEAN, device=clips.device)[:, None, None]
        filler = clips[:, -1:].expand(-1, -clips.shape[1] % SEGMENT, -1, -1, -1)
        segments = channels_first(torch.cat([clips, filler], dim=1).unflatten(1, (-1, SEGMENT)).flatten(0, 1))
        return self.network(segments).unflatten(0, (len(rows), -1)).mean(1)


def squashed(clips: Tensor, size: int) -> Tensor:
    """Clips (K, F, 3, H, W) in [-1, 1] as size x size, values 0..255."""
    return squash(to_bytes(clips).float().flatten(0, 1), size).unflatten(0, clips.shape[:2])


def channels_first(clips: Tensor) -> Tensor:
    """(K, F, 3, H, W) as (K, 3, F, H, W)."""
    return clips.transpose(1, 2).contiguous()


def long_enough(clips: Tensor) -> Tensor:
    if clips.shape[1] < SHORTEST:
        raise InputError(
            f"I3D needs clips of {SHORTEST} frames or more, and these have {clips.shape[1]}: leave fvd out"
        )
    return clips

"""Pictures and clips as vectors of a network that is known by its file's sha256.

Clips are (K, F, 3, H, W) in [-1, 1]. Whatever the networks want besides is made here from that.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NotRequired, Protocol, Self, TypedDict

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate

from humangen.metrics.samples import Table
from humangen.metrics.video import Windows
from humangen.types import InputError


class Score(TypedDict):
    """A number with what it was computed from; it is nan where there is none. `note` says what to know before it is
    compared, or why there is none."""

    value: float
    samples: int
    network: str
    sha256: str
    note: NotRequired[str]
    deviation: NotRequired[float]  # between subsets
    detection_rate: NotRequired[float]  # in [0, 1]


class Network(Protocol):
    """What a score says of the network behind it."""

    name: str
    sha256: str


def mean_score(table: Table, column: str, network: Network) -> Score:
    """The mean over frames of a column of scores by key; nan where there are none."""
    count = int(table.column(column)[1].sum())
    value = table.means().get(column, float("nan"))
    score = Score(value=value, samples=count, network=network.name, sha256=network.sha256)
    return score if count else score | {"note": "no frame was scored"}


class Extractor(nn.Module, ABC):
    """A frozen network: clips (K, F, 3, H, W) in [-1, 1] -> features (N, dim), float32.

    `whole_clips` says what a row is: of a frame (N = K F), or of a clip, or, where there are `windows`, of each of them
    in each clip. `chunk` rows go through the network at once; no more windows are ever copied. Metrics that share an
    extractor share its work: what it gave for the two inputs that were asked for last is kept, so a truth that several
    paintings are held against is looked at once. Two views of the same memory are one input.
    """

    whole_clips = False
    chunk = 32
    dim: int
    windows: Windows | None = None

    def __init__(self, name: str, sha256: str) -> None:
        super().__init__()
        self.name, self.sha256 = name, sha256
        self._kept: list[tuple[Tensor, int, Tensor]] = []

    def forward(self, clips: Tensor) -> Tensor:
        kept = [each for each in self._kept if _same(each[0], clips) and each[1] == clips._version]
        newest = kept[0] if kept else (clips, clips._version, self._extract(clips))
        self._kept = [*[each for each in self._kept if each is not newest][-1:], newest]
        return newest[2]

    @torch.no_grad()
    def _extract(self, clips: Tensor) -> Tensor:
        rows = [clip[part] for clip in clips for part in self._parts(clips.shape[1])]
        if not rows:
            return clips.new_zeros(0, self.dim)
        chunks = (torch.stack(rows[at : at + self.chunk]) for at in range(0, len(rows), self.chunk))
        features = torch.cat([self.network_features(chunk).float() for chunk in chunks])
        if features.shape != (len(rows), self.dim):
            raise InputError(
                f"{self.name} gave features of shape {tuple(features.shape)}, and {(len(rows), self.dim)} are needed: "
                "its file holds another network"
            )
        return features

    def _parts(self, num_frames: int) -> Sequence[int | slice]:
        """What of a clip is a row."""
        if not self.whole_clips:
            return range(num_frames)
        windows = self.windows.of(num_frames) if self.windows else [range(num_frames)]
        return [slice(window.start, window.stop) for window in windows]

    def row_keys(self, keys: Sequence[str], num_frames: int) -> Sequence[str]:
        """The keys of what is scored of clips: of their windows, or their own."""
        return self.windows.keys(keys, num_frames) if self.whole_clips and self.windows else keys

    @abstractmethod
    def network_features(self, rows: Tensor) -> Tensor:
        """Features (n, dim) of frames (n, 3, H, W), or of clips (n, F, 3, H, W), in [-1, 1]."""

    def train(self, mode: bool = True) -> Self:
        return super().train(False)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # nothing in it changes: copies of a metric share it


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same numbers in memory, seen alike."""
    where = (one.device, one.dtype, one.data_ptr(), one.shape, one.stride())
    return where == (other.device, other.dtype, other.data_ptr(), other.shape, other.stride())


def to_bytes(pixels: Tensor) -> Tensor:
    """[-1, 1] as whole numbers 0..255, rounded: cutting the fraction off would shift a quarter of the levels by one."""
    return (pixels.clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)


def squash(pixels: Tensor, size: int) -> Tensor:
    """Pictures (n, 3, H, W) brought to size x size by PIL's bicubic filter, which looks at every pixel when it makes
    a picture smaller; not cropped, not rounded."""
    return interpolate(pixels, (size, size), mode="bicubic", antialias=True, align_corners=False)


def middle(pixels: Tensor, resized: int, size: int) -> Tensor:
    """Pictures (n, 3, H, W) in [-1, 1] as networks of ImageNet see them, in [0, 1]: the shorter side brought to
    `resized` by PIL's bicubic filter, then the middle size x size."""
    height, width = pixels.shape[-2:]
    scale = resized / min(height, width)
    target = (resized if height <= width else int(height * scale), resized if width <= height else int(width * scale))
    # as bytes, on the CPU: PIL rounds and clips between the two directions
    values = interpolate(to_bytes(pixels).cpu(), target, mode="bicubic", antialias=True, align_corners=False)
    top, left = round((target[0] - size) / 2), round((target[1] - size) / 2)
    return values[..., top : top + size, left : left + size].to(pixels.device).float() / 255


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors file or a torch file, without a training script's wrapping; nothing is unpickled.

    Raises `InputError` where it holds other things."""
    try:
        content = load_file(file) if file.suffix == ".safetensors" else _read_torch(file)
    except Exception as error:  # pickle, zip, torch and safetensors each have their own
        raise InputError(f"{file} cannot be read as weights: it is damaged, or holds other things") from error
    return {name: value for name, value in content.items() if isinstance(value, Tensor)}


def _read_torch(file: Path) -> dict[str, Any]:
    content = torch.load(file, map_location="cpu", weights_only=True)
    content = content.get("state_dict", content)
    return {name.removeprefix("module."): value for name, value in content.items()}


def fill(network: nn.Module, tensors: dict[str, Tensor], file: Path) -> None:
    """Loads `tensors` into `network`. Raises `InputError` where any is missing, of another shape, or left over."""
    try:
        network.load_state_dict({name: value.float() if value.is_floating_point() else value
                                 for name, value in tensors.items()})  # fmt: skip
    except RuntimeError as error:
        raise InputError(
            f"{file} holds the weights of another network: {str(error).splitlines()[1].strip()}"
        ) from error
    network.requires_grad_(False).eval()


def script(file: Path) -> torch.jit.ScriptModule:
    """A network in TorchScript. Raises `InputError` where the file holds none."""
    try:
        with warnings.catch_warnings():  # published in TorchScript, they stay so, whatever follows it
            warnings.simplefilter("ignore", FutureWarning)
            return torch.jit.load(str(file), map_location="cpu").eval()
    except Exception as error:  # C++ has one of its own
        raise InputError(f"{file} cannot be read as TorchScript: it is damaged, or holds other things") from error

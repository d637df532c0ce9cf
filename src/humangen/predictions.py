"""What was painted, kept so that nothing is painted twice: KEY.png, or KEY/00000.png and on for the frames of clips."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humangen.media import read_picture, replacing, to_tensor, to_uint8, write_picture
from humangen.models.speed import device_name

SETTINGS, TIMINGS = "settings.json", "timings.jsonl"
UNKNOWN = "a device that was not recorded"


class Predictions:
    """The paintings of one setting, in a folder inside `root` that is named for a hash of `settings`; so the same
    command finds what an earlier one finished, wherever that one was stopped. The device is no setting: what another
    one painted differs in last bits, counts, and is told."""

    def __init__(self, root: Path, settings: dict[str, Any]) -> None:
        text = json.dumps(settings, indent=1, sort_keys=True)
        self.folder = root / hashlib.sha256(text.encode()).hexdigest()[:16]
        with replacing(self.folder / SETTINGS) as temporary:
            temporary.write_text(text + "\n")

    def finished(self, key: str) -> bool:
        return (self.folder / f"{key}.png").is_file() or (self.folder / key).is_dir()

    def paint(self, keys: Sequence[str], paint: Callable[[], Tensor], device: torch.device) -> Tensor:
        """The clips (K, F, 3, H, W) in [-1, 1], rounded to 8 bits, of `keys`: read where all are finished, else
        painted, and what was not there is written."""
        if not all(map(self.finished, keys)):
            began = time.perf_counter()
            frames = to_uint8(paint())
            self._note(keys, time.perf_counter() - began, device)
            for key, clip in zip(keys, frames, strict=True):
                if not self.finished(key):
                    self._write(key, clip)
        return torch.stack([to_tensor(self.read(key)) for key in keys]).to(device)

    def read(self, key: str) -> np.ndarray:
        """The frames (F, H, W, 3), uint8, of a finished clip."""
        if (self.folder / f"{key}.png").is_file():
            return read_picture(self.folder / f"{key}.png")[None]
        return np.stack([read_picture(path) for path in sorted((self.folder / key).glob("*.png"))])

    def seconds(self) -> float | None:
        """Seconds per sample that painting took, over all that were ever painted here."""
        lines = self._noted()
        return sum(line["seconds"] for line in lines) / sum(line["samples"] for line in lines) if lines else None

    def devices(self) -> list[str]:
        """The names of those on which anything was ever painted here."""
        return sorted({line.get("device", UNKNOWN) for line in self._noted()})

    def _write(self, key: str, frames: np.ndarray) -> None:
        if len(frames) == 1:
            write_picture(self.folder / f"{key}.png", frames[0])
            return
        with replacing(self.folder / key) as temporary:
            for number, frame in enumerate(frames):
                write_picture(temporary / f"{number:05d}.png", frame)

    def _note(self, keys: Sequence[str], seconds: float, device: torch.device) -> None:
        line = {"samples": len(keys), "seconds": seconds, "device": device_name(device)}
        with (self.folder / TIMINGS).open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _noted(self) -> list[dict[str, Any]]:
        path = self.folder / TIMINGS
        return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


@dataclass(frozen=True)
class Painting:
    """A way to paint batches whose samples are kept."""

    paint: Callable[[Any], Tensor]
    kept: Predictions
    device: torch.device

    def __call__(self, batch: Any) -> Tensor:
        return self.kept.paint(batch.keys, partial(self.paint, batch), self.device)

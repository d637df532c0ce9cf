"""What loader workers are doing, for whoever waits for them: a run never stands still without saying where."""

from __future__ import annotations

import time
from collections.abc import Iterator
from ctypes import c_char, c_double
from multiprocessing.sharedctypes import RawArray
from typing import Any

from torch.utils.data import DataLoader, get_worker_info

from humangen.data.parcels import Packed, Parcel, Unpacker
from humangen.doing import doing
from humangen.types import InputError

WIDTH = 200  # bytes of a stage's description


class Stages:
    """The stage of each of `num_workers` loader workers and since when, in memory that they share."""

    def __init__(self, num_workers: int) -> None:
        self.num_workers = max(num_workers, 1)  # this process itself, where there are none
        self.texts: Any = RawArray(c_char, WIDTH * self.num_workers)
        self.times = RawArray(c_double, self.num_workers)

    def note(self, stage: str) -> None:
        """What this worker does from now on."""
        info = get_worker_info()
        if not info:
            doing.enter(stage)
        worker = info.id if info else 0
        text = stage.encode()[-WIDTH:]
        self.texts[worker * WIDTH : (worker + 1) * WIDTH] = text.ljust(WIDTH)
        self.times[worker] = time.monotonic()

    def told(self) -> str:
        """The stages of all workers, the one that stands longest first."""
        now = time.monotonic()
        found = sorted((self.times[worker], worker) for worker in range(self.num_workers))
        return "; ".join(f"worker {worker} {self._stage(worker)} for {now - since:.0f} s" for since, worker in found)

    def _stage(self, worker: int) -> str:
        text = bytes(self.texts[worker * WIDTH : (worker + 1) * WIDTH]).strip(b"\0 ")
        return f"has been {text.decode(errors='replace')}" if text else "has not begun"


class WatchedLoader(DataLoader):
    """Hands over what `dataset` yields. Where workers give nothing for a tenth of `patience` seconds it prints what
    they are doing, and again each tenth; after `patience` it raises `InputError`.

    Without workers it cannot, since the process that would is the one that stands: `callbacks.watchdog` tells then.
    """

    def __init__(self, dataset: Any, *, num_workers: int, patience: float, stages: Stages) -> None:
        self.patience, self.stages = patience, stages
        super().__init__(
            Packed(dataset) if num_workers else dataset,
            batch_size=None,
            num_workers=num_workers,
            timeout=patience / 10 if num_workers else 0,
        )

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        batches, asked, unpacker = super().__iter__(), time.monotonic(), Unpacker()
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except RuntimeError as error:
                if not str(error).startswith("DataLoader timed out"):  # a worker's own begins with "Caught"
                    raise
                waited = time.monotonic() - asked
                standing = f"no batch for {waited:.0f} s: {self.stages.told()}"
                if waited >= self.patience:
                    raise InputError(f"{standing}. data.patience says how long to wait") from None
                print(standing, flush=True)
                continue
            yield unpacker.unpack(batch) if isinstance(batch, Parcel) else batch
            asked = time.monotonic()

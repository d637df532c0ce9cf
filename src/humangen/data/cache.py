"""Shards of URLs come to this machine whole, are checked, and stay as long as there is room.

fsspec's own `filecache::` has neither a limit nor hashes, and leaves half a file where it is killed.
"""

from __future__ import annotations

import hashlib
import os
import queue
import random
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from filelock import FileLock
from upath import UPath

from humangen.data.index import LOCAL, Shard
from humangen.media import replacing
from humangen.types import InputError

Value = TypeVar("Value")
BLOCK = 4 * 2**20  # bytes that are asked for at once
HOPELESS = (FileNotFoundError, PermissionError)  # what another attempt does not change


def within(seconds: float, call: Callable[[], Value]) -> Value:
    """What `call()` gives; raises `TimeoutError` where that takes longer, and leaves the thread in which it hangs to
    itself: sockets of not every file system have a timeout."""
    answers: queue.SimpleQueue[tuple[Value | None, BaseException | None]] = queue.SimpleQueue()

    def answer() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=answer, daemon=True).start()
    try:
        value, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"nothing came for {seconds:g} s") from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]


def opened(copy: Path, size: int) -> BinaryIO | None:
    """The copy, from now on safe from who makes room; None where it is not there or not of `size` bytes."""
    try:
        file = copy.open("rb")
    except FileNotFoundError:
        return None
    if os.fstat(file.fileno()).st_size == size:
        return file
    file.close()
    return None


@dataclass(frozen=True)
class ShardCache:
    """A folder that many processes share, of `gigabytes` (1e9 bytes) at most: what was not used longest goes first.

    A read in which nothing comes for `timeout` seconds, and whatever else the network does, is tried again up to
    `attempts` times in all, each after twice the `pause` (seconds) of the one before, give or take a half.
    `folder` None: one in the system's temporary folder. Files are named by their hash, so that a shard that was
    written anew is another.
    """

    folder: str | None = None
    gigabytes: float = 50.0
    timeout: float = 60.0
    attempts: int = 5
    pause: float = 1.0

    def place(self, path: UPath, shard: Shard) -> Any:
        """Where a shard is opened: itself on this machine's disks, else its copy."""
        return path if path.protocol in LOCAL else Remote(path, shard, self)

    @property
    def home(self) -> Path:
        return Path(self.folder or Path(tempfile.gettempdir()) / f"humangen-shards-{os.getuid()}")

    def open(self, path: UPath, shard: Shard) -> BinaryIO:
        """The copy of a shard, made if it is not there; raises `InputError` where it cannot be had."""
        copy = self.home / f"{shard.sha256}.tar"
        self.home.mkdir(parents=True, exist_ok=True)
        with FileLock(copy.with_suffix(".lock")):  # one process fetches, the others wait for it
            file = opened(copy, shard.num_bytes)
            missing = file is None
            while file is None:
                self._fetch(path, shard, copy)
                file = opened(copy, shard.num_bytes)
            os.utime(file.fileno())
        if missing:
            self._make_room()
        return file

    def _fetch(self, path: UPath, shard: Shard, copy: Path) -> None:
        for stale in self.home.glob(f".{copy.stem}.*"):  # of a process that was killed
            stale.unlink()
        for attempt in range(1, self.attempts + 1):
            try:
                with replacing(copy) as temporary:
                    self._download(path, shard, temporary)
                return
            except Exception as error:  # file systems have errors of their own
                said = f"{type(error).__name__}: {error}"
                if attempt == self.attempts or isinstance(error, HOPELESS):
                    raise InputError(f"{path} cannot be fetched, attempt {attempt}: {said}") from error
            pause = self.pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
            print(f"{path} did not come ({said}); attempt {attempt + 1} in {pause:.1f} s", flush=True)
            time.sleep(pause)

    def _download(self, path: UPath, shard: Shard, target: Path) -> None:
        """Raises `OSError` where what comes is not what the index lists."""
        source = within(self.timeout, lambda: path.open("rb"))
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as file:
            while block := within(self.timeout, lambda: source.read(BLOCK)):
                file.write(block)
                digest.update(block)
                size += len(block)
        source.close()
        if (size, digest.hexdigest()) != (shard.num_bytes, shard.sha256):
            raise OSError(f"its {size} bytes are not the {shard.num_bytes} that the index lists")

    def _make_room(self) -> None:
        """Removes what was used longest ago; who has it open reads on."""
        with FileLock(self.home / "room.lock"):
            copies = ((found.stat(), found) for found in self.home.glob("[!.]*.tar"))
            used = sorted((about.st_mtime_ns, about.st_size, found) for about, found in copies)
            room = self.gigabytes * 1e9 - sum(size for _, size, _ in used)
            for _, size, found in used[:-1]:  # the last one is about to be read
                if room < 0:
                    found.unlink(missing_ok=True)
                    room += size


@dataclass(frozen=True)
class Remote:
    """A shard that lies elsewhere."""

    path: UPath
    shard: Shard
    cache: ShardCache

    @property
    def name(self) -> str:
        return self.shard.name

    def open(self, mode: str) -> BinaryIO:
        return self.cache.open(self.path, self.shard)

    def __str__(self) -> str:
        return str(self.path)

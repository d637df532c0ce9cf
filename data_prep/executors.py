"""Where the stages run: in this process, in several, or on a Ray cluster. The bytes are the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import cv2

from humangen.types import InputError


class Serial:
    """In this process, one after the other."""

    def map(self, function: Callable[[Any], Any], jobs: list[Any]) -> Iterator[Any]:
        return map(function, jobs)

    def close(self) -> None:
        pass


class Pool:
    """In `workers` processes of this machine. They are spawned: a fork would share open decoders and sessions."""

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)

    def map(self, function: Callable[[Any], Any], jobs: list[Any]) -> Iterator[Any]:
        with _interrupt_ignored():  # the workers, begun here, inherit that: Ctrl-C is for this process alone
            futures = [self.pool.submit(function, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise InputError(
                "a worker process was ended, most likely for want of memory: try fewer --workers; the same command "
                "goes on where this one ended"
            ) from error
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.terminate()  # or the end of this process waits for theirs
            raise

    def close(self) -> None:
        self.pool.shutdown(cancel_futures=True)  # left to the end of the interpreter it sometimes meets closed pipes


@contextmanager
def _interrupt_ignored() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin() -> None:
    cv2.setNumThreads(1)  # the processes are the parallelism
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class Ray:
    """On a Ray cluster whose machines all see the input and the work folder; `address` as for ray.init."""

    def __init__(self, address: str) -> None:
        try:
            import ray  # 240 MB, and only for clusters
        except ImportError as error:
            raise InputError("--ray needs the package ray: pip install -c constraints.txt '.[ray]'") from error
        self.ray = ray
        ray.init(address=None if address == "local" else address, include_dashboard=False, log_to_driver=False)

    def map(self, function: Callable[[Any], Any], jobs: list[Any]) -> Iterator[Any]:
        call = self.ray.remote(_call)
        waiting = [call.remote(function, job) for job in jobs]
        while waiting:
            ready, waiting = self.ray.wait(waiting)
            yield from self.ray.get(ready)

    def close(self) -> None:
        self.ray.shutdown()


def _call(function: Callable[[Any], Any], job: Any) -> Any:
    cv2.setNumThreads(1)
    return function(job)

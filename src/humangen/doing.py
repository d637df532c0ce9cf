"""What this process is doing and since when, for whoever watches it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Doing:
    """Completes the sentence "it has been ... for 63 s"."""

    def __init__(self) -> None:
        self.enter("starting")

    def enter(self, what: str) -> None:
        """Does `what` from now on."""
        self.now = (what, time.monotonic())  # in one piece: another thread reads it

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Does `what` inside it, and what it did before from then on."""
        before, _ = self.now
        self.enter(what)
        try:
            yield
        finally:
            self.enter(before)


doing = Doing()  # this process, which does one thing at a time

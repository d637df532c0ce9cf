"""Shards that a command brings, in webdataset's form: `pipe:aws s3 cp s3://bucket/set/{} -`.

`{}` is the name of a file in the folder (train/index.json, train/000000.tar). A command that fails, or gives nothing
for a time, is an error that names it, and never a file that is shorter than it was.
"""

from __future__ import annotations

import io
import os
import select
import shlex
import signal
import subprocess
import tempfile
from typing import Any

from fsspec import AbstractFileSystem, register_implementation
from upath import UPath
from upath import registry as paths

from humangen.types import InputError

PROTOCOL, NAME = "pipe", "{}"
SILENCE = 50.0  # seconds without a byte; before `ShardCache` stops to wait, so that it is told which command stands
SAID = 500  # characters of what a command says of its failure


class Output(io.RawIOBase):
    """What a command of the shell writes. Raises `OSError` at its end where it failed."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, bufsize=0,
            start_new_session=True,  # so that what the shell has started ends with it
        )  # fmt: skip

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        assert self.process.stdout is not None
        given = select.poll()
        given.register(self.process.stdout, select.POLLIN)
        if not given.poll(SILENCE * 1000):
            raise TimeoutError(f"nothing came for {SILENCE:g} s from the command {self.command}")
        count = self.process.stdout.readinto(buffer)  # type: ignore[attr-defined]
        if not count:
            self._check()
        return count

    def _check(self) -> None:
        try:
            status = self.process.wait(SILENCE)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"it does not end, after its output did: the command {self.command}") from None
        if status:
            self.errors.seek(0)
            said = " ".join(self.errors.read().decode(errors="replace").split())[-SAID:]
            raise OSError(f"exit code {status} of the command {self.command}{f': {said}' if said else ''}")

    def close(self) -> None:
        if self.closed:
            return
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()
        super().close()


def filled(command: str, path: str) -> str:
    """The command that brings one file; of the folder itself the command as it was given."""
    return command.replace(NAME, shlex.quote(path.strip("/"))) if path else command


class PipeFileSystem(AbstractFileSystem):
    """Files are read, and there where the command of theirs succeeds."""

    protocol = PROTOCOL

    def __init__(self, *, command: str, **options: Any) -> None:
        super().__init__(**options)
        self.command = command

    def _open(self, path: str, mode: str = "rb", **options: Any) -> io.BufferedReader:
        if mode != "rb":
            raise OSError(f"the command {filled(self.command, path)} brings a file, and takes none")
        return io.BufferedReader(Output(filled(self.command, path)))

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        try:
            with self._open(path) as file:
                size = sum(map(len, iter(lambda: file.read(2**20), b"")))
        except TimeoutError:
            raise
        except OSError as error:  # what is not there and what does not work look the same from here
            print(f"taken as not there: {error}", flush=True)
            raise FileNotFoundError(str(error)) from error
        return {"name": path, "size": size, "type": "file"}

    def isfile(self, path: str) -> bool:
        try:
            return bool(self.info(path))
        except FileNotFoundError:
            return False


class PipePath(UPath):
    """A file or folder, called by the command that brings it."""

    def __str__(self) -> str:
        return f"{PROTOCOL}:" + filled(self.storage_options["command"], self.path)


register_implementation(PROTOCOL, PipeFileSystem, clobber=True)
paths.register_implementation(PROTOCOL, PipePath, clobber=True)


def folder_of(name: str) -> UPath:
    """The folder that a path, a URL or a `pipe:` command names."""
    if not name.startswith(f"{PROTOCOL}:"):
        return UPath(name)
    command = name.removeprefix(f"{PROTOCOL}:").strip()
    if NAME not in command:
        raise InputError(
            f"{name} does not say where the name of a file goes: write {NAME} for it, as in "
            f"pipe:aws s3 cp s3://bucket/set/{NAME} -"
        )
    return UPath("", protocol=PROTOCOL, command=command)

"""The jobs of a sweep: each is done once, and one that fails does not end the others.

A job keeps `job.json` in its folder: how it stands, and all that it is of. The command that began a sweep goes on with
it: what is finished is not done again. Several processes may be at work on one sweep, also on machines that share its
folder: each takes the jobs that no other one holds.
"""

from __future__ import annotations

import gc
import json
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from filelock import FileLock, Timeout

from humangen.checkpoint_files import FILES
from humangen.inference.ranks import joined_ranks
from humangen.media import replacing
from humangen.runs import differences
from humangen.types import InputError, sentence

JOB, PLAN, LOCK, PLAN_LOCK = "job.json", "sweep.json", ".job.lock", ".plan.lock"
REFUSED = "refused.json"  # beside the job that a folder holds: why it was not given to another
BEGUN, FINISHED, FAILED = "begun", "finished", "failed"
RESULTS = ("training.json", "result.json")
REMEDY = "Give another hydra.sweep.dir, or remove that folder"
READ = ("checkpoint", "init", "resume", "predictions", "truth")  # keys of files that a job is of


@dataclass(frozen=True)
class Job:
    """One of a sweep: its folder, its plain configuration, and the overrides that made it."""

    folder: Path
    config: dict[str, Any]
    overrides: Sequence[str]

    def do(self, work: Callable[[], float | None]) -> float | None:
        """What `work` returns, or has returned when this job was done before. None where it failed or the folder holds
        something else, which is told and kept, and where another process is at it. One of several processes of a job
        ends then, and the launcher the others: they would wait for it."""
        with held(self.folder) as ours:
            if not ours:
                print(f"{self.folder}: another process is at work on it", flush=True)
                end_unless_alone()
                return None
            try:
                before = self._before()
            except InputError as error:
                write(self.folder / REFUSED, {"error": sentence(error)})
                self._tell(error)
                return None
            (self.folder / REFUSED).unlink(missing_ok=True)
            if before and before["state"] == FINISHED:
                print(f"{self.folder}: done before", flush=True)
                return before["value"]
            self._keep(BEGUN)
            value = self._tried(work)
        release_memory()
        return value

    def _tried(self, work: Callable[[], float | None]) -> float | None:
        try:
            value = work()
        except Exception as error:
            self._keep(FAILED, error=sentence(error))
            self._tell(error)
            return None
        self._keep(FINISHED, value=value)
        return value

    def _tell(self, error: Exception) -> None:
        if not isinstance(error, InputError):
            traceback.print_exc()
        print(f"error: {self.folder}: {sentence(error)}", file=sys.stderr, flush=True)
        end_unless_alone()

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """The configuration, wherever the folder lies, and the state of the files that it names."""
        files = {key: stamp(Path(self.config[key])) for key in READ if self.config.get(key)}
        text = json.dumps({"config": self.config, "files": files})
        return json.loads(text.replace(json.dumps(str(self.folder))[1:-1], "."))

    def _before(self) -> dict[str, Any] | None:
        """What the folder has kept of this job. Raises `InputError` where it holds something else."""
        before = read(self.folder / JOB)
        if before is None:
            if left := [name for name in RESULTS if (self.folder / name).is_file()]:
                raise InputError(f"{self.folder} holds a {left[0]} of no sweep. {REMEDY}")
            return None
        if differing := differences(before["config"], self._identity["config"]):
            key, (was, now) = next(iter(differing.items()))
            raise InputError(
                f"{self.folder} holds a job of another configuration: {key} was {was} there and is {now} now. {REMEDY}"
            )
        # under a job that has not come to its end they may change
        if before["state"] == FINISHED and (changed := differences(before["files"], self._identity["files"])):
            names = ", ".join(f"{key}={self.config[key]}" for key in changed)
            raise InputError(f"{self.folder} was done with {names}, whose files have changed since. {REMEDY}")
        return before

    def _keep(self, state: str, **facts: Any) -> None:
        content = {"state": state, **facts, "overrides": [*self.overrides], **self._identity}
        if rank() == 0 or state == FAILED:
            write(self.folder / JOB, content)


def rank() -> int:
    """This process's place among those that torchrun or SLURM have started for one job."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0")))


def processes() -> int:
    """How many of them there are."""
    told = (os.environ.get(name, "1") for name in ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS"))
    return max(joined_ranks().count, *map(int, told))


def end_unless_alone() -> None:
    """Ends one of several processes whose job has no value, whatever it met: perhaps it met this one alone."""
    if processes() > 1:
        sys.exit(1)


def check_alone(overrides: Sequence[str]) -> None:
    """Raises `InputError` where torchrun has started several processes for a sweep; `overrides` are of its job."""
    if dist.is_torchelastic_launched() and processes() > 1:
        raise InputError(
            "a sweep (-m) is begun by one process: each of torchrun's would run a sweep of its own. Leave torchrun "
            f"out, or start its jobs one by one, this one by torchrun ... evaluate.py {shlex.join(overrides)}"
        )


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Holds the folder of a job, or of a search, until the block or the process ends: False where another process
    does. The first rank holds it for all."""
    if rank() > 0:
        yield True
        return
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def stamp(path: Path) -> list[int] | None:
    """The number, size and time of the files at `path`, of a run's folder those of its checkpoints; None where
    there are none."""
    below = [path] if path.is_file() else [*path.glob(f"**/checkpoints/{FILES}")] or [*path.rglob("*")]
    facts = []
    for file in below:
        with suppress(FileNotFoundError):  # of a run that goes on
            facts += [file.stat()] if file.is_file() else []
    return [len(facts), sum(each.st_size for each in facts), max(each.st_mtime_ns for each in facts)] if facts else None


def release_memory() -> None:
    """What one job has held on a GPU is not in the way of the next, nor in its figures."""
    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def write(path: Path, content: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def read(path: Path) -> dict[str, Any] | None:
    """What `write` wrote; None where it has not."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(f"{path} is not readable: {error}") from error


def jobs(sweep: Path) -> dict[Path, dict[str, Any]]:
    """What the jobs below a sweep's folder have kept, by their folders."""
    found = {path.parent: read(path) for path in sorted(sweep.rglob(JOB))}
    return {folder: content for folder, content in found.items() if content}


def ended(sweep: Path) -> list[Path]:
    """The folders of jobs that are not to be done any more, or failed."""
    return [folder for folder, job in jobs(sweep).items() if job["state"] != BEGUN]


def failures(sweep: Path) -> dict[Path, str]:
    """Why the jobs that failed did, or were refused."""
    failed = {folder: job["error"] for folder, job in jobs(sweep).items() if job["state"] == FAILED}
    refused = {path.parent: read(path) for path in sorted(sweep.rglob(REFUSED))}
    return failed | {folder: job["error"] for folder, job in refused.items() if job}


def unfinished(folder: Path) -> str | None:
    """How a job stands that has not come to its end; None of all else."""
    job = read(folder / JOB)
    if job is None or job["state"] == FINISHED:
        return None
    if job["state"] == FAILED:
        return f"it failed: {job['error']}"
    try:
        with held(folder) as free:
            return "it was stopped before its end" if free else "it is at work"
    except PermissionError:  # of another's folder nobody can tell
        return "it was stopped before its end, or is at work"


def plan(sweep: Path, command: str, planned: Sequence[Sequence[str]]) -> None:
    """Leaves in a sweep's folder the command that goes on with it, and the overrides of its jobs beside those that
    other commands have planned there."""
    sweep.mkdir(parents=True, exist_ok=True)
    with FileLock(sweep / PLAN_LOCK):
        every = [*(read(sweep / PLAN) or {"jobs": []})["jobs"], *planned]
        distinct = {tuple(sorted(overrides)): [*overrides] for overrides in every}
        write(sweep / PLAN, {"command": command, "jobs": [*distinct.values()]})


def not_begun(sweep: Path) -> list[str]:
    """The jobs of a sweep that have no folder yet, by their overrides."""
    planned = read(sweep / PLAN) or {"jobs": []}
    begun = {tuple(sorted(job["overrides"])) for job in jobs(sweep).values()}
    return [" ".join(overrides) for overrides in planned["jobs"] if tuple(sorted(overrides)) not in begun]

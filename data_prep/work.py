"""What is done so far: one small file per stage and item, complete or not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from data_prep.items import Problem, piece_key
from humangen.media import replacing
from humangen.types import InputError

SETTINGS = "settings.json"
REDOES = {  # the options of how a sample is made, and the stages whose results are others by them
    "pose": ("person", "pose", "region"),
    "size": ("person", "transcode", "region"),
    **dict.fromkeys(("region", "masks", "category", "parser"), ("region",)),
}
EVERY = ("probe", "cut", "person", "pose", "transcode", "region")  # stages, in their order
BUILT = ".shards"  # what the folder of a split ends with until it is whole


class Job(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def path(self) -> str: ...


@dataclass(frozen=True)
class Work:
    """A folder with the results of the stages: `stage`/`key`."""

    folder: Path

    def path(self, stage: str, key: str) -> Path:
        return self.folder / stage / key

    def read(self, stage: str, key: str) -> bytes:
        return self.path(stage, key).read_bytes()

    def json(self, stage: str, key: str) -> Any:
        return json.loads(self.read(stage, key))

    def done(self, stage: str, key: str) -> bool:
        return self.path(stage, key).exists()

    def write(self, stage: str, key: str, data: bytes) -> None:
        with replacing(self.path(stage, key)) as temporary:
            temporary.write_bytes(data)

    def forget(self, key: str, stages: Sequence[str] = EVERY) -> None:
        """Removes the results of an item and of the pieces it was cut into; those of the first stage last, by which the
        next run sees, after a kill in between, that they are of other files."""
        for stage in reversed(stages):
            for path in [self.path(stage, key), *(self.folder / stage).glob(piece_key(key, "*"))]:
                path.unlink(missing_ok=True)

    @property
    def begun(self) -> bool:
        return (self.folder / SETTINGS).is_file()

    def tidy(self) -> None:
        """Removes what a killed run left half done."""
        for path in self.folder.glob("*/.*"):
            path.unlink()
        for path in self.folder.glob(f"*{BUILT}"):
            shutil.rmtree(path)

    def options(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Those of the settings that a sample may be made anew with."""
        return {name: value for name, value in settings.items() if name in REDOES}

    def settle(self, settings: dict[str, Any], *, written: bool) -> None:
        """Holds on to the settings of a run; results of other settings are never mixed. Where some changed, the results
        that they concern are forgotten. Raises `InputError` where they are no options of how to make samples, and some
        are `written`."""
        path = self.folder / SETTINGS
        if path.is_file():
            before = json.loads(path.read_text())
            changed = {name: value for name, value in settings.items() if before.get(name) != value}
            if not changed:
                return
            told = {name: f"{name} {before.get(name)!r}, now {value!r}" for name, value in changed.items()}
            fixed = [told[name] for name in changed if name not in REDOES]
            if fixed and written:
                raise InputError(f"{self.folder} was begun with {'; '.join(fixed)}: name another --output")
            self._redo({stage for name in changed for stage in REDOES.get(name, EVERY)}, "; ".join(told.values()))
        else:
            self._check_empty()
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(settings, indent=1) + "\n")

    def _redo(self, stages: set[str], told: str) -> None:
        held = [stage for stage in EVERY if stage in stages and (self.folder / stage).is_dir()]
        if held:
            print(f"begun with {told}: done anew from here on: {', '.join(held)}")
        for stage in held:
            shutil.rmtree(self.folder / stage)

    def _check_empty(self) -> None:
        """Raises `InputError` where it is somebody else's."""
        strange = [each.name for each in self.folder.iterdir() if each.name != "lock" and SETTINGS not in each.name]
        if strange:
            raise InputError(f"{self.folder} is no folder of a preparation's work: it holds {strange[0]}; name another")


@dataclass(frozen=True)
class Stage:
    """A function from a job to the bytes of its result, which may read the results of the stages before it."""

    name: str
    result: Callable[[Any, Work], bytes]


class Executor(Protocol):
    """Calls `function` on every job, in any order and place."""

    def map(self, function: Callable[[Any], Any], jobs: list[Any]) -> Iterator[Any]: ...

    def close(self) -> None:
        """Ends what it has begun."""
        ...


def run_stage(stage: Stage, jobs: Iterable[Job], work: Work, executor: Executor) -> list[Problem]:
    """The results that are not there yet; what fails is told, and leaves nothing behind."""
    jobs = list(jobs)
    pending = [job for job in jobs if not work.done(stage.name, job.key)]
    problems = []
    with progress_bar() as progress:
        bar = progress.add_task(stage.name, total=len(jobs), completed=len(jobs) - len(pending))
        for problem in executor.map(partial(attempt, stage, work), pending):
            progress.advance(bar)
            if problem is not None:
                problems.append(problem)
    return sorted(problems, key=lambda problem: problem.key)


def progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True)
    )


def attempt(stage: Stage, work: Work, job: Job) -> Problem | None:
    try:
        work.write(stage.name, job.key, stage.result(job, work))
    except InputError as error:
        return Problem(job.key, stage.name, "failed", str(error))
    except Exception as error:  # one broken file must not end the others; its name and kind go to the ledger
        return Problem(job.key, stage.name, "failed", f"{job.path}: {type(error).__name__}: {error}")
    return None


def write_ledger(path: Any, problems: Iterable[Problem]) -> None:
    """One JSON object a line: key, stage, outcome, reason."""
    lines = [json.dumps(asdict(problem)) + "\n" for problem in problems]
    if isinstance(path, Path):
        with replacing(path) as temporary:
            temporary.write_text("".join(lines))
    else:
        path.write_text("".join(lines))

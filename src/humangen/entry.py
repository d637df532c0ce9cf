"""The command line that configurations come from: sweeps, and errors for people."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from humangen import objective
from humangen.cli.errors import reported
from humangen.resolvers import RESOLVERS
from humangen.sweeps import FINISHED, JOB, ended, failures, held, plan, rank, read
from humangen.types import InputError

PLUGIN = " A plugin is missing: pip install -c constraints.txt -e .[sweep], or .[ray] for Ray"

NULL_GROUP = "Config group override must be a string or a list"  # in Hydra's error
NO_TRIAL = ("No trials are completed", "Record does not exist")  # in optuna's, of a search without a best trial

for resolver in RESOLVERS:
    OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)


class SweepPlan(Callback):
    """Tells how to go on with a sweep before its first job, and leaves in its folder which jobs it is of."""

    begun: ClassVar[Path | None] = None  # the folder of this process's sweep, which Hydra tells nobody else
    search: ClassVar[ExitStack] = ExitStack()  # holds the folder of this process's search

    @reported  # Hydra makes a warning of a callback's error
    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        sweep = SweepPlan.begun = Path(config.hydra.sweep.dir)
        if "n_trials" in config.hydra.sweeper:
            prepare_search(config, sweep)
        if rank() == 0:
            plan(sweep, go_on(sweep), planned(config))
            print(f"a sweep; to go on with it, also after a kill or beside this one:\n  {go_on(sweep)}", flush=True)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        if "n_trials" not in config.hydra.sweeper or job_return.status != JobStatus.COMPLETED:
            return
        folder = Path(config.hydra.runtime.output_dir)
        job = read(folder / JOB)
        if job and job["state"] == FINISHED and job["value"] is None:
            print(f"{folder}: what the search is over has no number here, so this trial is none", file=sys.stderr)


def prepare_search(config: DictConfig, sweep: Path) -> None:
    """Says what a search is over, and leaves it the trials that are not done yet. Raises `InputError` where no trial
    would have a number, and where another command is at it: both would do what is left."""
    over, searcher = goal(config), config.hydra.sweeper
    sweep.mkdir(parents=True, exist_ok=True)
    if not SweepPlan.search.enter_context(held(sweep)):
        raise InputError(
            f"{sweep}: another command is at work on this search; begin this one when it has ended, or give another "
            "hydra.sweep.dir. hydra.sweeper.n_jobs is how many trials are done at once"
        )
    if searcher.params:
        searcher.params = {key: value for key, value in searcher.params.items() if value}
    searcher.n_trials = max(0, searcher.n_trials - len(ended(sweep)))
    print(f"a search over {over} ({searcher.direction})", flush=True)


def goal(config: DictConfig) -> str:
    """The name of the number that a search is over."""
    metrics = OmegaConf.select(config, "protocol.definition.metrics")
    if metrics is not None:
        return objective.described(list(metrics), OmegaConf.select(config, "weights"))
    every, last = config.trainer.val_check_interval, config.max_steps * config.trainer.accumulate_grad_batches
    if isinstance(every, int) and every > last:
        raise InputError(
            f"this search is over the validation loss, and trainer.val_check_interval={every} is beyond the last "
            f"batch, {last}: give a smaller one, or a protocol"
        )
    return "the validation loss"


def go_on(sweep: Path) -> str:
    """This command, for the sweep that it has begun."""
    arguments = [each for each in sys.argv if not each.startswith("hydra.sweep.dir=")]
    return shlex.join(["python", *arguments, f"hydra.sweep.dir={sweep}"])


def planned(config: DictConfig) -> list[list[str]]:
    """The overrides of each job of a grid; nothing of a search, whose jobs nobody knows yet."""
    if not config.hydra.sweeper._target_.endswith("BasicSweeper"):
        return []
    overrides = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
    return BasicSweeper.split_arguments(overrides, None)[0]


def composed(main: Callable[[], None]) -> None:
    """Runs a Hydra main. A configuration that does not compose ends in one sentence and exit code 2, a sweep of which
    jobs failed in their names and exit code 1, other failures in their full traceback."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        main()
    except (HydraException, OmegaConfBaseException) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        refused(" ".join(lines[:2]) + (PLUGIN if "Could not load 'hydra/" in lines[0] else ""))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if str(error).startswith(NULL_GROUP):
            refused("a group cannot be set to null on the command line: ~GROUP leaves it out, as in ~memory")
        if not SweepPlan.begun:
            raise
        if str(error).startswith(NO_TRIAL):
            print("error: no trial of this search has a number", file=sys.stderr)
        else:
            traceback.print_exc()
        report_failures(SweepPlan.begun)
        sys.exit(1)
    if SweepPlan.begun:
        report_failures(SweepPlan.begun)


def refused(why: str) -> NoReturn:
    print(f"error: {why}", file=sys.stderr)
    sys.exit(2)


def report_failures(sweep: Path) -> None:
    """Ends with exit code 1 and what failed, if anything did."""
    if failed := failures(sweep):
        told = "".join(f"\n  {folder}: {why}" for folder, why in failed.items())
        print(f"error: {len(failed)} jobs failed, and begin again with the sweep's command:{told}", file=sys.stderr)
        sys.exit(1)

"""The command line that configurations come from: sweeps, and errors for people."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from humangen.resolvers import RESOLVERS
from humangen.sweeps import PLAN, ended, failures, rank, write

PLUGIN = " A plugin is missing: pip install -c constraints.txt -e .[sweep], or .[ray] for Ray"

NULL_GROUP = "Config group override must be a string or a list"  # in Hydra's error

for resolver in RESOLVERS:
    OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)


class SweepPlan(Callback):
    """Tells how to go on with a sweep before its first job, and leaves in its folder which jobs it is of."""

    begun: ClassVar[Path | None] = None  # the folder of this process's sweep, which Hydra tells nobody else

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        sweep = SweepPlan.begun = Path(config.hydra.sweep.dir)
        if rank() == 0:
            write(sweep / PLAN, {"command": go_on(sweep), "jobs": planned(config)})
            print(f"a sweep; to go on with it, also after a kill or beside this one:\n  {go_on(sweep)}", flush=True)
        if "n_trials" in config.hydra.sweeper:
            config.hydra.sweeper.n_trials = max(0, config.hydra.sweeper.n_trials - len(ended(sweep)))


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
    except ValueError as error:
        if not str(error).startswith(NULL_GROUP):
            raise
        refused("a group cannot be set to null on the command line: ~GROUP leaves it out, as in ~memory")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
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

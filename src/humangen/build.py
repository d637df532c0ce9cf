"""From plain configuration to objects: the only `instantiate`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from hydra.errors import HydraException, InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf.errors import OmegaConfBaseException

from humangen.types import InputError

ALLOWED_TARGETS = (
    "humangen.",
    "data_prep.sources.",
    "lightning.",
    "torch.optim.",
    "transformers.optimization.get_cosine_schedule_with_warmup",
    "transformers.get_cosine_schedule_with_warmup",
    "transformers.optimization.get_constant_schedule_with_warmup",
    "transformers.get_constant_schedule_with_warmup",
    "bitsandbytes.optim.",
)

NULL_GROUP = "Config group override must be a string or a list"  # in Hydra's error


def check_targets(node: Any, allowed: tuple[str, ...] = ALLOWED_TARGETS) -> None:
    """Raises `InputError` where a configuration, which may come from a checkpoint, names anything else."""
    if isinstance(node, dict):
        target = node.get("_target_")
        if target is not None and not all(name.startswith(allowed) for name in _names(str(target))):
            raise InputError(f"the configuration names {target}, which is not allowed")
        for child in node.values():
            check_targets(child, allowed)
    elif isinstance(node, list):
        for child in node:
            check_targets(child, allowed)


def _names(target: str) -> Iterator[str]:
    """`target`, and where what it reaches was defined: a path may lead through a module's own imports."""
    yield target
    try:
        found = get_object(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"the configuration names {target}, which is not there: {' '.join(str(error).split())}"
        ) from error
    yield f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"


def build(node: dict[str, Any], allowed: tuple[str, ...] = ALLOWED_TARGETS) -> Any:
    """The object that `node` (plain dicts and lists, with `_target_`) describes, containers kept plain; every
    target must begin with one of `allowed`."""
    check_targets(node, allowed)
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, InputError):
            cause = cause.__cause__
        raise cause or error from error


def composed(main: Callable[[], None]) -> None:
    """Runs a Hydra main. A configuration that does not compose ends in one sentence and exit code 2, other
    failures in their full traceback."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        main()
    except (HydraException, OmegaConfBaseException) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        refused(" ".join(lines[:2]))
    except ValueError as error:
        if not str(error).startswith(NULL_GROUP):
            raise
        refused("a group cannot be set to null on the command line: ~GROUP leaves it out, as in ~memory")


def refused(why: str) -> NoReturn:
    print(f"error: {why}", file=sys.stderr)
    sys.exit(2)

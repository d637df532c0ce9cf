"""From plain configuration to objects: the only `instantiate`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate

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

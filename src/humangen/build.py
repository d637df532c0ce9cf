"""From plain configuration to objects: the only `instantiate`."""

from __future__ import annotations

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from humangen.types import InputError

ALLOWED_TARGETS = (
    "humangen.",
    "data_prep.sources.",
    "lightning.",
    "torch.optim.",
    "transformers.get_cosine_schedule_with_warmup",
)


def check_targets(node: Any) -> None:
    """Raises `InputError` where a configuration, which may come from a checkpoint, names anything else."""
    if isinstance(node, dict):
        target = node.get("_target_", ALLOWED_TARGETS[0])
        if not str(target).startswith(ALLOWED_TARGETS):
            raise InputError(f"the configuration names {target}, which is not allowed")
        for child in node.values():
            check_targets(child)
    elif isinstance(node, list):
        for child in node:
            check_targets(child)


def build(node: dict[str, Any]) -> Any:
    """The object that `node` (plain dicts and lists, with `_target_`) describes, containers kept plain."""
    check_targets(node)
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        if isinstance(cause, InputError):
            raise cause from error
        raise

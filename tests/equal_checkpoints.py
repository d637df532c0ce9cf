"""Whether two checkpoints are of the same training."""

from __future__ import annotations

from pathlib import Path

import torch

from humangen.checkpoint_files import read
from humangen.cli.checkpoint import tensors_of

# paths, seconds and Lightning's bookkeeping, to which a run that goes on after its end is another epoch
ASIDE = {"callbacks", "loops", "hyper_parameters", "epoch"}


def assert_equal(one: Path, other: Path) -> None:
    """Weights, average, optimiser, schedule, step and position in the data, bit for bit."""
    left, right = read(one), read(other)
    assert left.keys() == right.keys()
    for part in left.keys() - ASIDE:
        ours, theirs = (dict(tensors_of(each[part])) for each in (left, right))
        assert ours.keys() == theirs.keys(), part
        for name, value in ours.items():
            assert torch.equal(value, theirs[name]), f"{part} {name} of {one} and {other}"
        if not ours:
            assert left[part] == right[part], part
    counted, again = (each["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"] for each in (left, right))
    assert counted == again

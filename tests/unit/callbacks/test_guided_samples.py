"""Pictures from fixed seeds are painted as the experiment says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from humangen.callbacks.samples import Samples
from humangen.diffusion.sample import Sampler
from tests.unit.tasks.test_denoising import tiny_task
from tests.unit.tiny import tiny_batch


def test_samples_are_guided(monkeypatch: pytest.MonkeyPatch) -> None:
    task, seen = tiny_task(), []
    trainer: Any = SimpleNamespace(
        sanity_checking=False, is_global_zero=True, loggers=[], global_step=0, datamodule=None
    )
    monkeypatch.setattr(task, "log", lambda name, value, **_: seen.append((name, value)))

    def painted(guidance: float) -> torch.Tensor:
        Samples(sampler=Sampler(num_steps=1), guidance=guidance).on_validation_batch_end(
            trainer, task, None, tiny_batch(["a"]), 0
        )
        return seen.pop()[1]

    assert painted(1.0) == painted(1.0)
    assert painted(1.0) != painted(3.0)

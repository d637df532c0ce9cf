"""The times of training steps against those by hand: a clock that only the parts of a real training run move."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch.utils.data import DataLoader

from humangen.callbacks import stopwatch, throughput
from humangen.callbacks.progress import Bar, ProgressLines, progress
from humangen.callbacks.throughput import Throughput
from tests.unit.clocked import TAKES, WIDTH, Batch, Batches, Clock, Line


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(stopwatch, "time", SimpleNamespace(perf_counter=lambda: made.now))
    return made


class Log(Callback):
    """All that was logged of each step, of the names that begin with `speed/`; saving takes its time."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.steps = clock, []

    def on_train_batch_end(self, trainer: L.Trainer, *given: Any) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("speed/")}
        self.steps.append(metrics)

    def on_save_checkpoint(self, *given: Any) -> None:
        self.clock.spend("checkpoint")


def trained(
    clock: Clock, steps: int, *callbacks: Callback, sizes: tuple[int, ...] = (2,), every: int = 3, **options: Any
) -> tuple[Throughput, list[dict[str, float]]]:
    """The callback after a run, and what was to be read after each batch."""
    speed, log = Throughput(every=every), Log(clock)
    trainer = L.Trainer(
        accelerator="cpu", max_steps=steps, callbacks=[speed, log, *callbacks], logger=False,
        enable_model_summary=False, num_sanity_val_steps=0,
        **{"enable_checkpointing": bool(callbacks), "enable_progress_bar": False, **options},
    )  # fmt: skip
    batches = partial(DataLoader, batch_size=None)
    validation = batches([Batch(["key"], torch.ones(1, WIDTH))])
    trainer.fit(Line(clock), batches(Batches(clock, sizes)), validation if "val_check_interval" in options else None)
    return speed, log.steps


def split(metrics: dict[str, float]) -> list[float]:
    return [metrics[f"speed/{phase}_seconds"] for phase in stopwatch.PHASES]


def test_a_steps_time_is_the_sum_of_its_phases(clock: Clock) -> None:
    _, logged = trained(clock, 6)
    assert not logged[1]  # the first window is three steps long
    for metrics in (logged[2], logged[5]):
        assert split(metrics) == [1, 2, 4, 24]
        assert metrics["speed/step_seconds"] == 31
        assert metrics["speed/samples_per_second"] == pytest.approx(2 / 31)
        assert metrics["speed/data_share"] == pytest.approx(1 / 31)


def test_all_batches_of_an_accumulation_are_one_step(clock: Clock) -> None:
    _, logged = trained(clock, 3, accumulate_grad_batches=4)
    assert len(logged) == 12
    assert split(logged[-1]) == [4, 8, 16, 24]
    assert logged[-1]["speed/step_seconds"] == 52
    assert logged[-1]["speed/samples_per_second"] == pytest.approx(8 / 52)


def test_validation_and_checkpoints_do_not_count(clock: Clock, tmp_path: Path) -> None:
    saving = ModelCheckpoint(tmp_path, every_n_train_steps=3)
    _, logged = trained(clock, 12, saving, every=12, val_check_interval=4, check_val_every_n_epoch=None)
    assert clock.now >= 3 * TAKES["validation"] + 3 * TAKES["checkpoint"]
    assert split(logged[-1]) == [1, 2, 4, 24]


def test_nothing_whole_is_nothing_to_log(clock: Clock) -> None:
    _, logged = trained(clock, 4, every=2, val_check_interval=1, check_val_every_n_epoch=None)
    assert not any(logged)


class LateMark(stopwatch.HostMark):
    """A device's moment, which nobody may ask for before the device had a window's time to come by."""

    lag: ClassVar[int] = 1
    made: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        LateMark.made += 1
        self.number = LateMark.made

    def seconds_since(self, earlier: Any) -> float:
        assert LateMark.made >= self.number + 2 * 5  # two steps of five marks
        return super().seconds_since(earlier)


def test_a_device_is_asked_a_window_later(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "mark_of", lambda device: LateMark)
    _, logged = trained(clock, 6, every=2)
    assert [bool(metrics) for metrics in logged] == [False, False, False, True, True, True]
    assert split(logged[-1]) == [1, 2, 4, 24]


def test_flops_are_counted_once_for_each_shape(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "peak_tflops", lambda name, precision: 2e-9)
    speed, logged = trained(clock, 8, sizes=(2, 3), every=8)
    each = {size: 4 * size * WIDTH**2 for size in (2, 3)}  # the product, and the gradient of its weights
    assert sorted(speed.flops.values()) == sorted(each.values())
    # the first batch of each shape is counted, not timed
    assert logged[-1]["speed/tflops"] == pytest.approx((each[2] + each[3]) / 2 / 31 / 1e12)
    assert logged[-1]["speed/mfu"] == pytest.approx((each[2] + each[3]) / 2 / 31 / 1e12 / 2e-9)
    assert logged[-1]["speed/memory_gb"] == pytest.approx(speed.memory_gb)
    assert 0.05 < speed.memory_gb < 100


def test_no_utilisation_where_the_peak_is_not_known(clock: Clock) -> None:
    _, logged = trained(clock, 3)
    assert logged[-1]["speed/tflops"] > 0
    assert "speed/mfu" not in logged[-1]


@pytest.mark.parametrize("shown", [[], [ProgressLines(seconds=1e9)]], ids=["nothing", "lines"])
def test_a_slow_loader_is_told_once_with_what_helps(
    clock: Clock, shown: list[Callback], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(throughput, "cores_for_loading", lambda ranks: 4)
    clock.takes["data"] = 90.0  # three times the 30 of the rest
    trained(clock, 12, *shown, enable_checkpointing=False, enable_progress_bar=bool(shown))
    told = [line for line in capsys.readouterr().out.splitlines() if "waits for data" in line]
    assert told == [
        "training waits for data 75% of the time, 90 s of a step of 120 s: about 3 workers would keep up, "
        "take data.num_workers=3 (now 0)"
    ]


def test_a_loader_that_is_slow_at_first_alone_is_not_talked_about(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    class Quickens(Callback):
        def on_train_batch_end(self, trainer: L.Trainer, *given: Any) -> None:
            if trainer.global_step == 3:
                clock.takes["data"] = 1.0

    clock.takes["data"] = 90.0
    _, logged = trained(clock, 12, Quickens(), enable_checkpointing=False)
    assert logged[2]["speed/data_share"] == pytest.approx(0.75)
    assert "waits for data" not in capsys.readouterr().out


def test_the_lines_of_progress_tell_the_speed(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ProgressLines(seconds=1e9)
    trained(clock, 4, lines, enable_checkpointing=False, enable_progress_bar=True)
    told = capsys.readouterr().out
    assert "step 4/4 (100%), 0.0645 samples/s, " in told
    assert "data 3 forward 6 backward 13 optimizer 77 %, " in told


def test_the_bar_tells_where_a_steps_time_goes(clock: Clock) -> None:
    class Seen(Bar):
        shown: dict[str, Any]

        def get_metrics(self, *given: Any) -> dict[str, Any]:
            self.shown = super().get_metrics(*given)
            return self.shown

    bar = Seen()
    trained(clock, 2, bar, enable_checkpointing=False, enable_progress_bar=True)
    assert "step" not in bar.shown
    trained(clock, 4, bar, enable_checkpointing=False, enable_progress_bar=True)
    assert bar.shown["step"] == "data 3 forward 6 backward 13 optimizer 77 %"


@pytest.mark.parametrize(("terminal", "kind"), [(True, Bar), (False, ProgressLines)])
def test_a_terminal_gets_a_bar(terminal: bool, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    assert type(progress()) is kind


def test_a_run_that_breaks_off_leaves_no_counter_behind(clock: Clock) -> None:
    clock.takes.pop("forward")  # the first batch fails while it is counted
    with pytest.raises(KeyError):
        trained(clock, 1)
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None

"""A hundred times kill -9, and each time the same command again: the same bits as a run that nobody killed."""

from __future__ import annotations

import multiprocessing as mp
import os
import random
import signal
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from data_prep.latents import Encoder, add_latents
from data_prep.sources.dancers import DancersSource
from humangen.build import build
from humangen.checkpoint import find
from humangen.data.framing import Framing
from tests.equal_checkpoints import assert_equal
from tests.slow.killed_training import PHASES, trains
from tests.smoke.test_train import TINY, configured

pytestmark = pytest.mark.slow

STEPS = 12  # of two samples out of five: almost five epochs
TRAINING = ["callbacks.checkpoint.every_n_train_steps=2", "trainer.val_check_interval=3", f"max_steps={STEPS}"]
FORKS = mp.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.slow.killed_training"])  # a run begins at once rather than after its imports

CASES = {
    "one rank, videos": (30, 1, "videos", ["data.num_workers=1"]),
    "one rank, latents, two workers": (30, 1, "latents", ["data.num_workers=2", "trainer.accumulate_grad_batches=2"]),
    "ddp, videos": (20, 2, "videos", ["strategy=ddp", "strategy.devices=2", "data.num_workers=1"]),
    "fsdp, latents": (20, 2, "latents", ["strategy=fsdp", "strategy.devices=2", "data.num_workers=1"]),
}


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same five dancers as videos, and with latents."""
    folder = tmp_path_factory.mktemp("shards")
    DancersSource(people=5, held_out=2, height=64, width=64).write(folder / "videos", workers=1)
    codec = build(configured("train", folder)["pipeline"]["codec"])
    add_latents(
        UPath(folder / "videos"), folder / "latents", Encoder(codec, None, Framing(height=64, width=64), batch=8)
    )
    return folder


class Running:
    """The processes of one run."""

    def __init__(self, config: dict[str, Any], ranks: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.phases = [FORKS.RawValue("b", 0) for _ in range(ranks)]
        self.processes = [
            FORKS.Process(target=trains, args=(config, phase, rank, ranks, port))
            for rank, phase in enumerate(self.phases)
        ]
        for process in self.processes:
            process.start()

    @property
    def doing(self) -> str:
        return PHASES[self.phases[0].value]

    @property
    def running(self) -> bool:
        return all(process.exitcode is None for process in self.processes)

    def wait_for(self, phase: str, seconds: float) -> None:
        """Until it comes, the run ends, or `seconds` are over."""
        until = time.monotonic() + seconds
        while self.running and self.doing != phase and time.monotonic() < until:
            time.sleep(0.001)

    def kill(self) -> None:
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                process.kill()  # it has ended, or has no group of its own yet
            process.join()

    def finish(self) -> None:
        for process in self.processes:
            process.join(600)
        assert [process.exitcode for process in self.processes] == [0] * len(self.processes)


def killed_somewhere(run: Running, chance: random.Random) -> str | None:
    """What the run was doing when it was killed; None where it came to its end before."""
    phase = chance.choice(PHASES[:4])
    if phase != "start":
        run.wait_for("step", 120)
        time.sleep(chance.random())
        run.wait_for(phase, 5)
    time.sleep(chance.random() * {"start": 1.5, "step": 0.05, "validation": 0.05, "saving": 0.01}[phase])
    if not run.running:
        run.finish()
        return None
    doing = run.doing
    run.kill()
    return doing


@pytest.mark.parametrize("case", CASES)
def test_killed_at_random_moments(case: str, shards: Path, tmp_path: Path) -> None:
    kills, ranks, kind, options = CASES[case]
    seed = list(CASES).index(case)
    chance, counts, runs = random.Random(seed), Counter(), 0

    def config(name: str) -> dict[str, Any]:
        words = [*TINY, *TRAINING, f"data.shards={shards / kind}", *options]
        return configured("train", tmp_path / name, *words)

    Running(config("unbroken"), ranks).finish()
    while counts.total() < kills:
        name = f"killed{runs}"
        runs += 1
        for _ in range(10):
            if (doing := killed_somewhere(Running(config(name), ranks), chance)) is None:
                break
            counts[doing] += 1
            if counts.total() == kills:
                break
        Running(config(name), ranks).finish()
        for file in ("best.ckpt", f"step={STEPS:08d}.ckpt"):
            assert_equal(tmp_path / "unbroken" / "checkpoints" / file, tmp_path / name / "checkpoints" / file)
        assert find(tmp_path / name).name == f"step={STEPS:08d}.ckpt"
        assert len(list((tmp_path / name / "checkpoints").iterdir())) == 3, "two of the newest, the best, no leftovers"
    print(f"{case}: seed {seed}, {runs} runs, {kills} kills: {dict(counts)}")

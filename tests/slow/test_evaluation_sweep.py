"""A sweep of evaluations that is killed is finished by its command, and its report names the best setting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_prep.sources.dancers import DancersSource
from humangen.cli.main import main as humangen
from tests.slow.sweep_commands import ROOT, run
from tests.smoke.test_train import fit

pytestmark = pytest.mark.slow
STEPS, GUIDANCES = ("2", "3", "4"), ("1", "1.5", "2")
SETTINGS = {(seed, steps, guidance) for seed in ("3", "4") for steps in STEPS for guidance in GUIDANCES}


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of two checkpoints by three numbers of steps by three guidances, on four people that neither has seen."""
    folder = tmp_path_factory.mktemp("trained")
    DancersSource(people=5, held_out=2, height=64, width=64).write(folder / "shards", workers=1)
    runs = [fit(folder / f"seed{seed}", f"data.shards={folder / 'shards'}", f"seed={seed}", steps=2) for seed in (3, 4)]
    examined = [
        "protocol=dancers64",
        "protocol.data.source.held_out=4",
        f"protocol.data.source.folder={folder / 'examined'}",
        "protocol.definition.metrics=[psnr,ssim]",
        "+protocol.data.num_workers=0",
        f"painted={folder / 'painted'}",
    ]
    axes = [f"sampler.num_steps={','.join(STEPS)}", f"guidance={','.join(GUIDANCES)}"]
    return [sys.executable, "evaluate.py", "-m", f"checkpoint={','.join(map(str, runs))}", *axes, *examined]


def results(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("result.json")}


def setting(path: Path) -> tuple[str, str, str]:
    """The checkpoint's seed, the steps and the guidance that a result is of, by its own word."""
    result, job = json.loads(path.read_text()), json.loads((path.parent / "job.json").read_text())
    seed = job["config"]["checkpoint"].removesuffix("/")[-1]
    return seed, str(result["sampler"]["num_steps"]), f"{result['guidance']:g}"


def test_it_is_finished_by_its_command_and_the_report_names_the_best(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "out"
    command = [*command, f"hydra.sweep.dir={out}"]
    first = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 900
    while len(results(out)) < 7 and time.monotonic() < deadline and first.poll() is None:
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    done = [path for path, job in states(out).items() if job == "finished"]
    before = {path: when for path, when in results(out).items() if path.parent in done}
    assert 6 <= len(before) < len(SETTINGS), first.returncode
    second = run(command)
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("done before") == len(before)
    every = results(out)
    assert {path: when for path, when in every.items() if path in before} == before
    assert sorted(map(setting, every)) == sorted(SETTINGS)
    assert set(states(out).values()) == {"finished"}

    humangen(["report", str(out)])
    scored = {setting(path): json.loads(path.read_text()) for path in every}
    seed, steps, guidance = max(scored, key=lambda key: scored[key]["scores"]["psnr"])
    best = scored[seed, steps, guidance]
    (verdict,) = [line for line in capsys.readouterr().out.splitlines() if "Best by psnr" in line]
    for told in (f"seed{seed}", f"num_steps={steps}", f"guidance={guidance}"):
        assert told in verdict
    low, high = best["intervals"]["psnr"]
    assert low < high
    assert f"with {best['scores']['psnr']:.2f} (95 % interval {low:.2f} to {high:.2f})" in verdict


def states(folder: Path) -> dict[Path, str]:
    return {path.parent: json.loads(path.read_text())["state"] for path in folder.rglob("job.json")}
